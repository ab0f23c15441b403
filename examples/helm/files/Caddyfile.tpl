{
	# A socket, because every container of the pod can reach its loopback. The service must not be able to
	# configure the gateway.
	admin unix//run/caddy/admin.sock

	# The ingress has the certificate.
	auto_https off

	servers {
		{{- with .Values.trustedProxies }}
		# Only the pods of the ingress may send the client's address.
		trusted_proxies static {{ join " " . }}
		trusted_proxies_strict
{{ end }}
		# A slow client gives its connection back. read_body bounds a whole upload: raise it if the
		# service takes large ones. There is no write: it would cut long polls, downloads and streams.
		timeouts {
			read_header 5s
			read_body 1m
			idle 2m
		}
	}

	grace_period {{ int .Values.shutdown.grace }}s

	itsme {
		public_url {{ .Values.publicURL }}
		signicat {
			client_id {env.SIGNICAT_CLIENT_ID}
			client_secret {env.SIGNICAT_CLIENT_SECRET}
		}
		{{- with .Values.gateway | trim }}
		{{- . | nindent 0 | replace "\n" "\n\t\t" }}
		{{- end }}
		{{- with .Values.redis }}
		{{- if .enabled }}
		store redis {
			address {{ join " " .addresses }}
			{{- with .sentinel }}
			sentinel {{ . }}
			{{- end }}
			user {{ .user }}
			password {env.REDIS_PASSWORD}
			secret {env.ITSME_STORE_SECRET}{{ if $.Values.secrets.otherStoreSecret }} {env.ITSME_OTHER_STORE_SECRET}{{ end }}
			{{- if .tls }}
			tls
			{{- end }}
			{{- with .options | trim }}
			{{- . | nindent 0 | replace "\n" "\n\t\t\t" }}
			{{- end }}
		}
		{{- else }}
		store memory
		{{- end }}
		{{- end }}
	}
}

http://:8080 {
	{{- with .Values.site | trim }}
	itsme {
		{{- . | nindent 0 | replace "\n" "\n\t\t" }}
	}
	{{- else }}
	itsme
	{{- end }}
	reverse_proxy {{ .Values.upstream }}
}

# For Prometheus, and for the readiness probe of the service. The ingress does not reach this port.
http://:9180 {
	handle /metrics {
		metrics
	}
	{{- with .Values.upstreamHealth }}
	handle {{ . }} {
		itsme {
			public {{ . }}
		}
		reverse_proxy {{ $.Values.upstream }}
	}
	{{- end }}
	handle {
		respond 404
	}
}

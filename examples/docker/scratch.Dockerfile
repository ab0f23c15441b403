# Unverified: this image has not been built yet.
#
# A static Caddy with the module and nothing else: no shell, no package manager, no root. From the
# root of the repository:
#     docker build --file examples/docker/scratch.Dockerfile --tag caddy-itsme .
FROM golang:1.26 AS build
COPY . /src
WORKDIR /src/tools
RUN go build -o /xcaddy github.com/caddyserver/xcaddy/cmd/xcaddy
WORKDIR /src
ENV CGO_ENABLED=0
ARG VERSION=v0.0.0
RUN /xcaddy build v2.11.9 --with github.com/caddy-itsme/caddy-itsme@$VERSION=. --output /caddy
RUN mkdir -p /root-of-image/data /root-of-image/config /root-of-image/run/caddy

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build --chown=65532:65532 /root-of-image/ /
COPY --from=build /caddy /usr/bin/caddy
ENV XDG_DATA_HOME=/data XDG_CONFIG_HOME=/config
USER 65532:65532
VOLUME /data
EXPOSE 8080
ENTRYPOINT ["/usr/bin/caddy"]
CMD ["run", "--config", "/etc/caddy/Caddyfile", "--adapter", "caddyfile"]

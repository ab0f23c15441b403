package page

// refusalWords returns the texts of refused requests.
func refusalWords() vocabulary {
	return vocabulary{
		"unavailable": {
			"nl": {Title: "Aanmelden lukt nu even niet", Text: []string{"De dienst is tijdelijk niet bereikbaar. Probeer het zo dadelijk opnieuw."}},
			"fr": {Title: "Connexion momentanément impossible", Text: []string{"Le service est temporairement indisponible. Réessayez dans un instant."}},
			"de": {Title: "Anmeldung derzeit nicht möglich", Text: []string{"Der Dienst ist vorübergehend nicht erreichbar. Versuchen Sie es gleich noch einmal."}},
			"en": {Title: "Login is unavailable for the moment", Text: []string{"The service cannot be reached right now. Please try again shortly."}},
		},
		"too_many": {
			"nl": {Title: "Te veel pogingen", Text: []string{"Er zijn te veel aanmeldingen gestart. Wacht even en probeer het opnieuw."}},
			"fr": {Title: "Trop de tentatives", Text: []string{"Trop de connexions ont été lancées. Attendez un instant et réessayez."}},
			"de": {Title: "Zu viele Versuche", Text: []string{"Es wurden zu viele Anmeldungen gestartet. Warten Sie kurz, und versuchen Sie es erneut."}},
			"en": {Title: "Too many attempts", Text: []string{"Too many logins were started. Wait a moment and try again."}},
		},
		"cross_site": {
			"nl": {Title: "Deze aanvraag kwam van een andere site", Text: []string{"Uit voorzorg werd ze niet uitgevoerd. Begin hier opnieuw als u zich wilt aanmelden."}},
			"fr": {Title: "Cette demande venait d’un autre site", Text: []string{"Par précaution, elle n’a pas été exécutée. Recommencez ici si vous voulez vous connecter."}},
			"de": {Title: "Diese Anfrage kam von einer anderen Website", Text: []string{"Vorsichtshalber wurde sie nicht ausgeführt. Beginnen Sie hier neu, wenn Sie sich anmelden möchten."}},
			"en": {Title: "This request came from another site", Text: []string{"To be safe, it was not carried out. Start again here if you want to log in."}},
		},
		"not_sent": {
			"nl": {Title: "U bent niet meer aangemeld", Text: []string{"Wat u verstuurde, is niet verwerkt. Meld u aan en verstuur het opnieuw."}, Action: "Aanmelden"},
			"fr": {Title: "Vous n’êtes plus connecté", Text: []string{"Votre envoi n’a pas été traité. Connectez-vous, puis envoyez-le à nouveau."}, Action: "Se connecter"},
			"de": {Title: "Sie sind nicht mehr angemeldet", Text: []string{"Was Sie gesendet haben, wurde nicht verarbeitet. Melden Sie sich an, und senden Sie es erneut."}, Action: "Anmelden"},
			"en": {Title: "You are no longer logged in", Text: []string{"What you sent was not processed. Log in, and send it again."}, Action: "Log in"},
		},
		"bad_request": {
			"nl": {Title: "De aanvraag kon niet verwerkt worden", Text: []string{"Er klopt iets niet in de aanvraag. Begin opnieuw."}},
			"fr": {Title: "La demande n’a pas pu être traitée", Text: []string{"La demande contient une erreur. Recommencez."}},
			"de": {Title: "Die Anfrage konnte nicht verarbeitet werden", Text: []string{"Die Anfrage ist fehlerhaft. Beginnen Sie neu."}},
			"en": {Title: "The request could not be processed", Text: []string{"There is an error in the request. Please start again."}},
		},
	}
}

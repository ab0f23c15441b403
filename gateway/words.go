package gateway

// words are a page's texts in one language.
type words struct {
	Title     string
	Text      []string
	Action    string // the button
	Languages string // what the list of languages is called, for screen readers
}

// languageNames are the languages in their own words.
var languageNames = map[string]string{"nl": "Nederlands", "fr": "Français", "de": "Deutsch", "en": "English"}

var languagesLabel = map[string]string{"nl": "Taal", "fr": "Langue", "de": "Sprache", "en": "Language"}

var again = map[string]string{
	"nl": "Opnieuw proberen", "fr": "Réessayer", "de": "Erneut versuchen", "en": "Try again",
}

// wordsOf are the words of a page; English where a language is not offered.
func wordsOf(name, language string) words {
	w, ok := pageWords[name][language]
	if !ok {
		language = "en"
		w = pageWords[name][language]
	}
	if w.Action == "" {
		w.Action = again[language]
	}
	w.Languages = languagesLabel[language]
	return w
}

// pageWords are the texts of every page in every language.
var pageWords = map[string]map[string]words{
	"login": {
		"nl": {Title: "Aanmelden met itsme", Text: []string{"U meldt zich aan met de itsme-app op uw telefoon."}, Action: "Doorgaan met itsme"},
		"fr": {Title: "Se connecter avec itsme", Text: []string{"Vous vous connectez avec l’application itsme sur votre téléphone."}, Action: "Continuer avec itsme"},
		"de": {Title: "Mit itsme anmelden", Text: []string{"Sie melden sich mit der itsme-App auf Ihrem Telefon an."}, Action: "Weiter mit itsme"},
		"en": {Title: "Log in with itsme", Text: []string{"You log in with the itsme app on your phone."}, Action: "Continue with itsme"},
	},
	"open": {
		"nl": {Title: "Open itsme", Text: []string{"Tik op de knop en bevestig in de itsme-app. Daarna komt u vanzelf terug."}, Action: "itsme openen"},
		"fr": {Title: "Ouvrez itsme", Text: []string{"Touchez le bouton et confirmez dans l’application itsme. Vous reviendrez ensuite automatiquement."}, Action: "Ouvrir itsme"},
		"de": {Title: "itsme öffnen", Text: []string{"Tippen Sie auf die Schaltfläche und bestätigen Sie in der itsme-App. Danach kommen Sie von selbst zurück."}, Action: "itsme öffnen"},
		"en": {Title: "Open itsme", Text: []string{"Tap the button and confirm in the itsme app. You then come back by yourself."}, Action: "Open itsme"},
	},
	"waiting": {
		"nl": {Title: "Even geduld", Text: []string{"We ronden uw aanmelding af. Deze pagina gaat vanzelf verder."}},
		"fr": {Title: "Un instant", Text: []string{"Nous terminons votre connexion. Cette page continue d’elle-même."}},
		"de": {Title: "Einen Moment", Text: []string{"Ihre Anmeldung wird abgeschlossen. Diese Seite geht von selbst weiter."}},
		"en": {Title: "One moment", Text: []string{"Your login is being completed. This page goes on by itself."}},
	},
	"unavailable": {
		"nl": {Title: "Aanmelden lukt nu even niet", Text: []string{"De dienst is tijdelijk niet bereikbaar. Probeer het zo dadelijk opnieuw."}},
		"fr": {Title: "Connexion momentanément impossible", Text: []string{"Le service est temporairement indisponible. Réessayez dans un instant."}},
		"de": {Title: "Anmeldung derzeit nicht möglich", Text: []string{"Der Dienst ist vorübergehend nicht erreichbar. Versuchen Sie es gleich noch einmal."}},
		"en": {Title: "Login is unavailable for the moment", Text: []string{"The service cannot be reached right now. Please try again shortly."}},
	},
	"denied": {
		"nl": {Title: "U bent niet aangemeld", Text: []string{"De aanmelding werd geweigerd of geannuleerd."}},
		"fr": {Title: "Vous n’êtes pas connecté", Text: []string{"La connexion a été refusée ou annulée."}},
		"de": {Title: "Sie sind nicht angemeldet", Text: []string{"Die Anmeldung wurde abgelehnt oder abgebrochen."}},
		"en": {Title: "You are not logged in", Text: []string{"The login was refused or cancelled."}},
	},
	"expired": {
		"nl": {Title: "Te lang gewacht", Text: []string{"Deze aanmelding is verlopen."}},
		"fr": {Title: "Délai dépassé", Text: []string{"Cette connexion a expiré."}},
		"de": {Title: "Zeit abgelaufen", Text: []string{"Diese Anmeldung ist abgelaufen."}},
		"en": {Title: "It took too long", Text: []string{"This login has expired."}},
	},
	"failed": {
		"nl": {Title: "Aanmelden is niet gelukt", Text: []string{"Er ging iets mis en u bent niet aangemeld."}},
		"fr": {Title: "La connexion a échoué", Text: []string{"Un problème est survenu et vous n’êtes pas connecté."}},
		"de": {Title: "Die Anmeldung ist fehlgeschlagen", Text: []string{"Etwas ist schiefgegangen, und Sie sind nicht angemeldet."}},
		"en": {Title: "The login did not succeed", Text: []string{"Something went wrong, and you are not logged in."}},
	},
	"unbound": {
		"nl": {Title: "Deze aanmelding begon niet in deze browser", Text: []string{"Hebt u dit niet zelf gestart, stop dan hier: iemand probeert misschien met uw gegevens binnen te komen.", "Was u het wel, begin dan opnieuw in deze browser."}},
		"fr": {Title: "Cette connexion n’a pas commencé dans ce navigateur", Text: []string{"Si vous ne l’avez pas lancée vous-même, arrêtez-vous ici : quelqu’un essaie peut-être d’entrer avec vos données.", "Si c’était vous, recommencez dans ce navigateur."}},
		"de": {Title: "Diese Anmeldung begann nicht in diesem Browser", Text: []string{"Wenn Sie sie nicht selbst gestartet haben, hören Sie hier auf: Vielleicht versucht jemand, mit Ihren Daten hineinzukommen.", "Wenn Sie es waren, beginnen Sie in diesem Browser neu."}},
		"en": {Title: "This login did not start in this browser", Text: []string{"If you did not start this yourself, stop here: somebody may be trying to get in as you.", "If it was you, start again in this browser."}},
	},
	"app_return": {
		"nl": {Title: "Ga terug naar uw app", Text: []string{"Open de app waarin u begon; daar gaat het verder.", "Hebt u dit niet zelf gestart, stop dan hier en sluit deze pagina."}},
		"fr": {Title: "Revenez à votre application", Text: []string{"Ouvrez l’application dans laquelle vous avez commencé ; la suite s’y trouve.", "Si vous ne l’avez pas lancée vous-même, arrêtez-vous ici et fermez cette page."}},
		"de": {Title: "Gehen Sie zurück zu Ihrer App", Text: []string{"Öffnen Sie die App, in der Sie begonnen haben; dort geht es weiter.", "Wenn Sie das nicht selbst gestartet haben, hören Sie hier auf und schließen Sie diese Seite."}},
		"en": {Title: "Go back to your app", Text: []string{"Open the app that you started in; it goes on there.", "If you did not start this yourself, stop here and close this page."}},
	},
	"too_large": {
		"nl": {Title: "Aanmelden is niet gelukt", Text: []string{"Uw gegevens passen niet in de cookie van deze dienst. De beheerder kan er minder opvragen: token { claims }."}},
		"fr": {Title: "La connexion a échoué", Text: []string{"Vos données ne tiennent pas dans le cookie de ce service. L’administrateur peut en demander moins : token { claims }."}},
		"de": {Title: "Die Anmeldung ist fehlgeschlagen", Text: []string{"Ihre Daten passen nicht in das Cookie dieses Dienstes. Der Betreiber kann weniger anfordern: token { claims }."}},
		"en": {Title: "The login did not succeed", Text: []string{"Your data do not fit into this service’s cookie. Its operator can ask for less: token { claims }."}},
	},
	"too_many": {
		"nl": {Title: "Te veel pogingen", Text: []string{"Er zijn te veel aanmeldingen gestart. Wacht even en probeer het opnieuw."}},
		"fr": {Title: "Trop de tentatives", Text: []string{"Trop de connexions ont été lancées. Attendez un instant et réessayez."}},
		"de": {Title: "Zu viele Versuche", Text: []string{"Es wurden zu viele Anmeldungen gestartet. Warten Sie kurz, und versuchen Sie es erneut."}},
		"en": {Title: "Too many attempts", Text: []string{"Too many logins were started. Wait a moment and try again."}},
	},
	"cross_site": {
		"nl": {Title: "Dit kwam van een andere site", Text: []string{"Uit voorzorg is er niets gebeurd. Begin hier opnieuw als u zich wilt aanmelden."}},
		"fr": {Title: "Ceci venait d’un autre site", Text: []string{"Par précaution, rien n’a été fait. Recommencez ici si vous voulez vous connecter."}},
		"de": {Title: "Das kam von einer anderen Website", Text: []string{"Vorsichtshalber ist nichts geschehen. Beginnen Sie hier neu, wenn Sie sich anmelden möchten."}},
		"en": {Title: "This came from another site", Text: []string{"To be safe, nothing was done. Start again here if you want to log in."}},
	},
	"bad_request": {
		"nl": {Title: "Dat kon niet verwerkt worden", Text: []string{"De aanvraag klopt niet. Begin opnieuw."}},
		"fr": {Title: "La demande n’a pas pu être traitée", Text: []string{"La demande n’est pas correcte. Recommencez."}},
		"de": {Title: "Das konnte nicht verarbeitet werden", Text: []string{"Die Anfrage stimmt nicht. Beginnen Sie neu."}},
		"en": {Title: "That could not be handled", Text: []string{"The request is not right. Please start again."}},
	},
}

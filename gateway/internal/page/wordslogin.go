package page

// loginWords returns the texts of a login under way.
func loginWords() vocabulary {
	return vocabulary{
		"login": {
			"nl": {Title: "Aanmelden met itsme", Text: []string{"U meldt zich aan met de itsme-app op uw telefoon."}, Computer: "itsme vraagt eerst uw telefoonnummer.", Action: "Doorgaan met itsme"},
			"fr": {Title: "Se connecter avec itsme", Text: []string{"Vous vous connectez avec l’application itsme sur votre téléphone."}, Computer: "itsme vous demande d’abord votre numéro de téléphone.", Action: "Continuer avec itsme"},
			"de": {Title: "Mit itsme anmelden", Text: []string{"Sie melden sich mit der itsme-App auf Ihrem Telefon an."}, Computer: "itsme fragt zuerst nach Ihrer Telefonnummer.", Action: "Weiter mit itsme"},
			"en": {Title: "Log in with itsme", Text: []string{"You log in with the itsme app on your phone."}, Computer: "itsme first asks for your phone number.", Action: "Continue with itsme"},
		},
		"open": {
			"nl": {Title: "Open itsme", Text: []string{"Open itsme en bevestig in de app. Daarna keert u vanzelf terug naar deze site."}, Computer: "itsme vraagt eerst uw telefoonnummer.", Action: "itsme openen"},
			"fr": {Title: "Ouvrez itsme", Text: []string{"Ouvrez itsme et confirmez dans l’application. Vous reviendrez ensuite automatiquement ici."}, Computer: "itsme vous demande d’abord votre numéro de téléphone.", Action: "Ouvrir itsme"},
			"de": {Title: "itsme öffnen", Text: []string{"Öffnen Sie itsme, und bestätigen Sie in der App. Danach kehren Sie automatisch hierher zurück."}, Computer: "itsme fragt zuerst nach Ihrer Telefonnummer.", Action: "itsme öffnen"},
			"en": {Title: "Open itsme", Text: []string{"Open itsme and confirm in the app. You will then be brought back here."}, Computer: "itsme first asks for your phone number.", Action: "Open itsme"},
		},
		"opened": {
			"nl": {Title: "Bevestig in itsme", Text: []string{"Bevestig in de itsme-app. Deze pagina gaat daarna vanzelf verder.", "Ging de app niet open, of kwam u te vroeg terug?"}, Action: "itsme opnieuw openen", Second: "Opnieuw beginnen"},
			"fr": {Title: "Confirmez dans itsme", Text: []string{"Confirmez dans l’application itsme. Cette page continue ensuite d’elle-même.", "L’application ne s’est pas ouverte, ou vous êtes revenu trop tôt\u00a0?"}, Action: "Rouvrir itsme", Second: "Recommencer"},
			"de": {Title: "In itsme bestätigen", Text: []string{"Bestätigen Sie in der itsme-App. Diese Seite geht danach von selbst weiter.", "Hat sich die App nicht geöffnet, oder sind Sie zu früh zurückgekommen?"}, Action: "itsme erneut öffnen", Second: "Neu beginnen"},
			"en": {Title: "Confirm in itsme", Text: []string{"Confirm in the itsme app. This page then continues by itself.", "Did the app not open, or did you come back too soon?"}, Action: "Open itsme again", Second: "Start over"},
		},
		"elsewhere": {
			"nl": {Title: "itsme opende een andere browser", Text: []string{"Daar kan deze aanmelding niet afgerond worden. Begin ginds met “Hier beginnen”, of begin hier opnieuw."}, Action: "Opnieuw beginnen"},
			"fr": {Title: "itsme a ouvert un autre navigateur", Text: []string{"Cette connexion ne peut pas s’y terminer. Commencez là-bas avec « Commencer ici », ou recommencez ici."}, Action: "Recommencer"},
			"de": {Title: "itsme hat einen anderen Browser geöffnet", Text: []string{"Dort kann diese Anmeldung nicht abgeschlossen werden. Beginnen Sie dort mit „Hier beginnen“, oder beginnen Sie hier neu."}, Action: "Neu beginnen"},
			"en": {Title: "itsme opened another browser", Text: []string{"This login cannot be finished there. Start there with “Start here”, or start over on this page."}, Action: "Start over"},
		},
		"in_app": {
			"nl": {Title: "Open deze pagina in uw browser", Text: []string{"U bent in de browser van een andere app. Na itsme opent uw telefoon misschien de gewone browser, en dan lukt de aanmelding niet."}, Action: "In de browser openen", Second: "Hier verdergaan", Copy: "Adres kopiëren", Copied: "Gekopieerd"},
			"fr": {Title: "Ouvrez cette page dans votre navigateur", Text: []string{"Vous êtes dans le navigateur d’une autre application. Après itsme, votre téléphone ouvrira peut-être le navigateur habituel, et la connexion échouera."}, Action: "Ouvrir dans le navigateur", Second: "Continuer ici", Copy: "Copier l’adresse", Copied: "Adresse copiée"},
			"de": {Title: "Öffnen Sie diese Seite in Ihrem Browser", Text: []string{"Sie sind im Browser einer anderen App. Nach itsme öffnet Ihr Telefon vielleicht den üblichen Browser, und dann gelingt die Anmeldung nicht."}, Action: "Im Browser öffnen", Second: "Hier fortfahren", Copy: "Adresse kopieren", Copied: "Kopiert"},
			"en": {Title: "Open this page in your browser", Text: []string{"You are in the browser of another app. After itsme, your phone may open its usual browser, and the login then cannot be finished."}, Action: "Open in the browser", Second: "Continue here", Copy: "Copy the address", Copied: "Copied"},
		},
		"waiting": {
			"nl": {Title: "Even geduld", Text: []string{"We ronden uw aanmelding af. Deze pagina gaat vanzelf verder."}},
			"fr": {Title: "Un instant", Text: []string{"Nous terminons votre connexion. Cette page continue d’elle-même."}},
			"de": {Title: "Einen Moment", Text: []string{"Ihre Anmeldung wird abgeschlossen. Diese Seite geht von selbst weiter."}},
			"en": {Title: "One moment", Text: []string{"Your login is being completed. This page continues by itself."}},
		},
		"app_return": {
			"nl": {Title: "Ga terug naar uw app", Text: []string{"Open de app waarin u begon. Uw aanmelding gaat daar verder.", "Hebt u dit niet zelf gestart? Stop dan hier en sluit deze pagina."}},
			"fr": {Title: "Revenez à votre application", Text: []string{"Ouvrez l’application dans laquelle vous avez commencé. Votre connexion s’y poursuit.", "Si vous ne l’avez pas lancée vous-même, arrêtez-vous ici et fermez cette page."}},
			"de": {Title: "Gehen Sie zurück zu Ihrer App", Text: []string{"Öffnen Sie die App, in der Sie begonnen haben. Ihre Anmeldung geht dort weiter.", "Wenn Sie das nicht selbst gestartet haben, hören Sie hier auf und schließen Sie diese Seite."}},
			"en": {Title: "Go back to your app", Text: []string{"Open the app in which you started. Your login continues there.", "If you did not start this yourself, stop here and close this page."}},
		},
		"logged_out": {
			"nl": {Title: "U bent afgemeld", Text: []string{"Gebruiken ook anderen dit toestel? Sluit dan dit venster."}, Action: "Opnieuw aanmelden"},
			"fr": {Title: "Vous êtes déconnecté", Text: []string{"Si d’autres utilisent cet appareil, fermez aussi cette fenêtre."}, Action: "Se reconnecter"},
			"de": {Title: "Sie sind abgemeldet", Text: []string{"Wenn auch andere dieses Gerät benutzen, schließen Sie dieses Fenster."}, Action: "Erneut anmelden"},
			"en": {Title: "You are logged out", Text: []string{"If others use this device too, close this window."}, Action: "Log in again"},
		},
		"no_cookies": {
			"nl": {Title: "Cookies staan uit", Text: []string{"Zonder cookie kan deze site niet onthouden dat u bent aangemeld.", "Sta cookies voor deze site toe in de instellingen van uw browser en probeer het dan opnieuw."}},
			"fr": {Title: "Les cookies sont désactivés", Text: []string{"Sans cookie, ce site ne peut pas retenir que vous êtes connecté.", "Autorisez les cookies pour ce site dans les réglages de votre navigateur, puis réessayez."}},
			"de": {Title: "Cookies sind ausgeschaltet", Text: []string{"Ohne Cookie kann sich diese Website nicht merken, dass Sie angemeldet sind.", "Erlauben Sie Cookies für diese Website in den Einstellungen Ihres Browsers, und versuchen Sie es dann erneut."}},
			"en": {Title: "Cookies are switched off", Text: []string{"Without a cookie this site cannot remember that you are logged in.", "Allow cookies for this site in your browser’s settings, then try again."}},
		},
	}
}

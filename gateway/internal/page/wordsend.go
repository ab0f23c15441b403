package page

// endWords returns the texts of logins that failed or do not suffice.
func endWords() vocabulary {
	return vocabulary{
		"denied": {
			"nl": {Title: "U bent niet aangemeld", Text: []string{"De aanmelding werd geweigerd of geannuleerd."}},
			"fr": {Title: "Vous n’êtes pas connecté", Text: []string{"La connexion a été refusée ou annulée."}},
			"de": {Title: "Sie sind nicht angemeldet", Text: []string{"Die Anmeldung wurde abgelehnt oder abgebrochen."}},
			"en": {Title: "You are not logged in", Text: []string{"The login was refused or cancelled."}},
		},
		"superseded": {
			"nl": {Title: "U bent opnieuw begonnen", Text: []string{"U bevestigde een aanmelding die u daarna opnieuw begon. Ze telt niet meer. Bevestig de nieuwe aanmelding in itsme, of probeer het opnieuw."}},
			"fr": {Title: "Vous avez recommencé", Text: []string{"Vous avez confirmé une connexion que vous aviez ensuite recommencée. Elle ne compte plus. Confirmez la nouvelle connexion dans itsme, ou réessayez."}},
			"de": {Title: "Sie haben neu begonnen", Text: []string{"Sie haben eine Anmeldung bestätigt, die Sie danach neu begonnen hatten. Sie zählt nicht mehr. Bestätigen Sie die neue Anmeldung in itsme, oder versuchen Sie es erneut."}},
			"en": {Title: "You started over", Text: []string{"You confirmed a login that you had then started over. It no longer counts. Confirm the new login in itsme, or try again."}},
		},
		"expired": {
			"nl": {Title: "De tijd is verstreken", Text: []string{"Deze aanmelding is verlopen."}},
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
		"too_large": {
			"nl": {Title: "Aanmelden is niet gelukt", Text: []string{"Uw gegevens passen niet in de cookie van deze dienst. De beheerder kan er minder opvragen: token { claims }."}},
			"fr": {Title: "La connexion a échoué", Text: []string{"Vos données ne tiennent pas dans le cookie de ce service. L’administrateur peut en demander moins\u00a0: token { claims }."}},
			"de": {Title: "Die Anmeldung ist fehlgeschlagen", Text: []string{"Ihre Daten passen nicht in das Cookie dieses Dienstes. Der Betreiber kann weniger anfordern: token { claims }."}},
			"en": {Title: "The login did not succeed", Text: []string{"Your data do not fit into this service’s cookie. Its operator can request less: token { claims }."}},
		},
		"unbound": {
			"nl": {Title: "Deze aanmelding begon in een andere browser", Text: []string{"Ze begon in een andere browser of in een privétabblad, en kan hier niet afgerond worden.", "Hebt u ze niet zelf gestart? Sluit dan deze pagina en deel het adres ervan met niemand."}, Action: "Hier beginnen"},
			"fr": {Title: "Cette connexion a commencé dans un autre navigateur", Text: []string{"Elle a commencé dans un autre navigateur ou un onglet privé, et ne peut pas se terminer ici.", "Si vous ne l’avez pas lancée vous-même, fermez cette page et n’en communiquez l’adresse à personne."}, Action: "Commencer ici"},
			"de": {Title: "Diese Anmeldung begann in einem anderen Browser", Text: []string{"Sie begann in einem anderen Browser oder einem privaten Tab und kann hier nicht abgeschlossen werden.", "Wenn Sie sie nicht selbst gestartet haben, schließen Sie diese Seite und geben Sie ihre Adresse an niemanden weiter."}, Action: "Hier beginnen"},
			"en": {Title: "This login began in another browser", Text: []string{"It began in another browser or private tab, and cannot be finished here.", "If you did not start it yourself, close this page and do not share its address with anyone."}, Action: "Start here"},
		},
		"unbound_no_cookies": {
			"nl": {Title: "Deze aanmelding kan hier niet afgerond worden", Text: []string{"Ze begon in een andere browser of in een privétabblad, of deze browser bewaart geen cookies.", "Hebt u ze niet zelf gestart? Sluit dan deze pagina en deel het adres ervan met niemand."}, Action: "Hier beginnen"},
			"fr": {Title: "Cette connexion ne peut pas se terminer ici", Text: []string{"Elle a commencé dans un autre navigateur ou un onglet privé, ou ce navigateur refuse les cookies.", "Si vous ne l’avez pas lancée vous-même, fermez cette page et n’en communiquez l’adresse à personne."}, Action: "Commencer ici"},
			"de": {Title: "Diese Anmeldung kann hier nicht abgeschlossen werden", Text: []string{"Sie begann in einem anderen Browser oder einem privaten Tab, oder dieser Browser speichert keine Cookies.", "Wenn Sie sie nicht selbst gestartet haben, schließen Sie diese Seite und geben Sie ihre Adresse an niemanden weiter."}, Action: "Hier beginnen"},
			"en": {Title: "This login cannot be finished here", Text: []string{"It began in another browser or private tab, or this browser keeps no cookies.", "If you did not start it yourself, close this page and do not share its address with anyone."}, Action: "Start here"},
		},
		"over": {
			"nl": {Title: "Deze aanmelding is voorbij", Text: []string{"Wilt u zich aanmelden? Begin dan opnieuw."}, Action: "Aanmelden"},
			"fr": {Title: "Cette connexion est terminée", Text: []string{"Si vous voulez vous connecter, recommencez."}, Action: "Se connecter"},
			"de": {Title: "Diese Anmeldung ist vorbei", Text: []string{"Wenn Sie sich anmelden möchten, beginnen Sie neu."}, Action: "Anmelden"},
			"en": {Title: "This login is over", Text: []string{"If you want to log in, start again."}, Action: "Log in"},
		},
		"not_enough_level": {
			"nl": {Title: "Deze aanmelding volstaat niet", Text: []string{"Deze pagina vraagt een aanmelding met een hoger betrouwbaarheidsniveau, of een recentere.", "Probeer het opnieuw, of vraag de beheerder van deze site wat er nodig is."}},
			"fr": {Title: "Cette connexion ne suffit pas", Text: []string{"Cette page demande une connexion d’un niveau de garantie plus élevé, ou plus récente.", "Réessayez, ou demandez à l’administrateur de ce site ce qu’il faut."}},
			"de": {Title: "Diese Anmeldung reicht nicht aus", Text: []string{"Diese Seite verlangt eine Anmeldung mit einem höheren Sicherheitsniveau oder eine neuere.", "Versuchen Sie es erneut, oder fragen Sie den Betreiber dieser Website, was nötig ist."}},
			"en": {Title: "This login is not enough", Text: []string{"This page asks for a login with a higher level of assurance, or for a more recent one.", "Try again, or ask the operator of this site what is needed."}},
		},
		"not_enough_claim": {
			"nl": {Title: "U kunt deze pagina niet gebruiken", Text: []string{"U bent aangemeld, maar voldoet niet aan een voorwaarde van deze pagina, zoals een minimumleeftijd.", "Opnieuw aanmelden als dezelfde persoon verandert daar niets aan."}, Second: "Als iemand anders aanmelden"},
			"fr": {Title: "Vous ne pouvez pas utiliser cette page", Text: []string{"Vous êtes connecté, mais vous ne remplissez pas une condition de cette page, comme un âge minimum.", "Vous reconnecter sous la même identité n’y change rien."}, Second: "Se connecter en tant qu’une autre personne"},
			"de": {Title: "Sie können diese Seite nicht benutzen", Text: []string{"Sie sind angemeldet, erfüllen aber eine Voraussetzung dieser Seite nicht, etwa ein Mindestalter.", "Eine neue Anmeldung derselben Person ändert daran nichts."}, Second: "Als andere Person anmelden"},
			"en": {Title: "You cannot use this page", Text: []string{"You are logged in, but do not meet a condition of this page, such as a minimum age.", "Logging in again as the same person does not change that."}, Second: "Log in as another person"},
		},
	}
}

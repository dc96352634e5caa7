package workgroup

import "strings"

// text returns a text of ours in the visitor's language; args are put in for %1 to %9. The first there is of: the
// site's own text in that language or for all languages, ours in that language, both in the site's language, in English.
// A language that the site doesn't list counts as the site's.
func (g *group) text(key, language string, args ...string) string {
	own, ours := g.Texts[key], texts[key]
	pick := func() string {
		for i, l := range [...]string{g.speaks(language), g.Language, "en"} {
			if s := byLanguage(own, l); s != "" {
				return s
			}
			if s := own[""]; s != "" && i == 0 {
				return s
			}
			if s := byLanguage(ours, l); s != "" {
				return s
			}
		}
		return ""
	}
	return fill(pick(), args)
}

// speaks returns the language if there is one and the site's list has it or is empty, else the site's.
func (g *group) speaks(language string) string {
	if language == "" {
		return g.Language
	}
	if len(g.Languages) == 0 {
		return language
	}
	primary, _, _ := strings.Cut(language, "-")
	for _, l := range g.Languages {
		if strings.EqualFold(l, language) || strings.EqualFold(l, primary) {
			return language
		}
	}
	return g.Language
}

// fill puts the args in for %1 to %9, each in one pass: what is put in isn't looked through again.
func fill(s string, args []string) string {
	if len(args) == 0 || strings.IndexByte(s, '%') < 0 {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+1 < len(s) && '1' <= s[i+1] && s[i+1] <= '9' {
			if k := int(s[i+1] - '1'); k < len(args) {
				b.WriteString(args[k])
			}
			i++
			continue
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// byLanguage returns the entry of a language or of its primary subtag, in any case.
func byLanguage(in map[string]string, language string) string {
	if language == "" {
		return ""
	}
	if s := in[language]; s != "" {
		return s
	}
	primary, _, _ := strings.Cut(language, "-")
	for _, l := range [...]string{language, primary} {
		for k, s := range in {
			if s != "" && strings.EqualFold(k, l) {
				return s
			}
		}
	}
	return ""
}

// label returns a field's label in the visitor's language; else that for all languages, ours, the site's, or the field's name.
func (g *group) label(f Field, language string) string {
	if s := byLanguage(f.Label, g.speaks(language)); s != "" {
		return s
	}
	if s := f.Label[""]; s != "" {
		return s
	}
	if len(f.Label) == 0 && texts["label_"+f.Var] != nil {
		return g.text("label_"+f.Var, language)
	}
	for _, l := range [...]string{g.Language, "en"} {
		if s := byLanguage(f.Label, l); s != "" {
			return s
		}
	}
	return f.Var
}

// texts are what visitors are told, by key and language. docs/interface.md lists the keys; a site may set its own.
var texts = map[string]map[string]string{
	// Names.
	"bot_nick": {
		"en": "Support",
		"de": "Support",
		"fr": "Assistance",
		"es": "Soporte",
	},
	"visitor_nick": {
		"en": "Visitor",
		"de": "Gast",
		"fr": "Visiteur",
		"es": "Visitante",
	},

	// Waiting; only visitors with a plain client are told so.
	"queued": {
		"en": "Thank you. You are number %1 in the queue.",
		"de": "Vielen Dank. Sie sind Nummer %1 in der Warteschlange.",
		"fr": "Merci. Vous êtes au rang %1 de la file d’attente.",
		"es": "Gracias. Ocupa el puesto %1 de la cola.",
	},
	"queued_wait": {
		"en": "Thank you. You are number %1 in the queue; the wait is about %2 min.",
		"de": "Vielen Dank. Sie sind Nummer %1 in der Warteschlange, die Wartezeit beträgt etwa %2 Min.",
		"fr": "Merci. Vous êtes au rang %1 de la file d’attente ; l’attente est d’environ %2 min.",
		"es": "Gracias. Ocupa el puesto %1 de la cola; la espera es de unos %2 min.",
	},
	"position": {
		"en": "You are now number %1 in the queue.",
		"de": "Sie sind jetzt Nummer %1 in der Warteschlange.",
		"fr": "Vous êtes maintenant au rang %1 de la file d’attente.",
		"es": "Ahora ocupa el puesto %1 de la cola.",
	},
	"next": {
		"en": "Thank you. We are asking a colleague to help you.",
		"de": "Vielen Dank. Wir rufen jemanden, der Ihnen hilft.",
		"fr": "Merci. Nous cherchons un collègue pour vous aider.",
		"es": "Gracias. Estamos avisando a un compañero para que le ayude.",
	},
	"requeued": {
		"en": "We are looking for somebody else to help you. You are first in the queue.",
		"de": "Wir suchen jemand anderen, der Ihnen hilft. Sie sind als Nächstes an der Reihe.",
		"fr": "Nous cherchons quelqu’un d’autre pour vous aider. Vous êtes en tête de la file.",
		"es": "Buscamos a otra persona para que le ayude. Es usted el primero de la cola.",
	},
	"unread": { // the answer to a private message to the room's owner
		"en": "Please write in the room: private messages to me are not read.",
		"de": "Bitte schreiben Sie im Raum: Private Nachrichten an mich werden nicht gelesen.",
		"fr": "Écrivez dans le salon, s’il vous plaît : les messages privés qui me sont adressés ne sont pas lus.",
		"es": "Escriba en la sala, por favor: los mensajes privados que recibo no se leen.",
	},
	"noted": {
		"en": "Thank you, that will be passed on.",
		"de": "Danke, das wird weitergegeben.",
		"fr": "Merci, ce sera transmis.",
		"es": "Gracias, lo transmitiremos.",
	},
	"elsewhere": {
		"en": "You are waiting at %1 already. This message was not passed on.",
		"de": "Sie warten bereits bei %1. Diese Nachricht wurde nicht weitergegeben.",
		"fr": "Vous attendez déjà chez %1. Ce message n’a pas été transmis.",
		"es": "Ya está esperando en %1. Este mensaje no se ha transmitido.",
	},

	// The chat.
	"invite": {
		"en": "Please join this room for your chat.",
		"de": "Bitte betreten Sie diesen Raum für Ihr Gespräch.",
		"fr": "Veuillez rejoindre ce salon pour votre discussion.",
		"es": "Entre en esta sala para su conversación, por favor.",
	},
	"connecting": {
		"en": "%1 will help you. You are being invited to a chat room; please join it.",
		"de": "%1 hilft Ihnen. Sie werden gleich in einen Chatraum eingeladen; bitte betreten Sie ihn.",
		"fr": "%1 va vous aider. Vous allez être invité dans un salon ; veuillez le rejoindre.",
		"es": "%1 le ayudará. Recibirá una invitación a una sala; entre en ella, por favor.",
	},
	"in_room": {
		"en": "Your chat is in the room %1. Please write there; this message was not passed on.",
		"de": "Ihr Gespräch findet im Raum %1 statt. Bitte schreiben Sie dort; diese Nachricht wurde nicht weitergegeben.",
		"fr": "Votre discussion a lieu dans le salon %1. Veuillez y écrire ; ce message n’a pas été transmis.",
		"es": "Su conversación está en la sala %1. Escriba allí, por favor; este mensaje no se ha transmitido.",
	},
	"active": {
		"en": "%1 is here.",
		"de": "%1 ist da.",
		"fr": "%1 est là.",
		"es": "%1 está aquí.",
	},
	"agent_lost": {
		"en": "%1 has lost the connection. Please stay; somebody will be with you shortly.",
		"de": "Die Verbindung zu %1 ist abgebrochen. Bitte bleiben Sie, es ist gleich wieder jemand da.",
		"fr": "%1 a perdu la connexion. Veuillez patienter, quelqu’un va revenir vers vous.",
		"es": "%1 ha perdido la conexión. Espere, por favor; enseguida le atenderán.",
	},
	"agent_back": {
		"en": "%1 is back.",
		"de": "%1 ist wieder da.",
		"fr": "%1 est de retour.",
		"es": "%1 ha vuelto.",
	},
	"transferring": {
		"en": "You are being passed on to a colleague. Please stay.",
		"de": "Sie werden weiterverbunden. Bitte bleiben Sie.",
		"fr": "Vous êtes mis en relation avec un collègue. Veuillez patienter.",
		"es": "Le pasamos con un compañero. Espere, por favor.",
	},
	"transferred": {
		"en": "%1 takes over from here.",
		"de": "%1 übernimmt ab hier.",
		"fr": "%1 prend la suite.",
		"es": "%1 continúa a partir de aquí.",
	},
	"supervisor_enters": {
		"en": "%1 has joined the chat.",
		"de": "%1 ist dem Gespräch beigetreten.",
		"fr": "%1 a rejoint la discussion.",
		"es": "%1 se ha unido a la conversación.",
	},
	"supervisor_leaves": {
		"en": "%1 has left the chat.",
		"de": "%1 hat das Gespräch verlassen.",
		"fr": "%1 a quitté la discussion.",
		"es": "%1 ha abandonado la conversación.",
	},
	"idle_warn": {
		"en": "Are you still there? Without a word the chat will be closed soon.",
		"de": "Sind Sie noch da? Ohne Antwort wird das Gespräch bald beendet.",
		"fr": "Êtes-vous toujours là ? Sans réponse, la discussion sera bientôt fermée.",
		"es": "¿Sigue ahí? Si no responde, la conversación se cerrará pronto.",
	},
	"restored": {
		"en": "The connection was interrupted. The chat goes on here.",
		"de": "Die Verbindung war unterbrochen. Das Gespräch geht hier weiter.",
		"fr": "La connexion a été interrompue. La discussion continue ici.",
		"es": "La conexión se interrumpió. La conversación continúa aquí.",
	},
	"call": {
		"en": "%1 would like to talk to you.",
		"de": "%1 möchte mit Ihnen sprechen.",
		"fr": "%1 souhaite vous parler.",
		"es": "%1 quisiera hablar con usted.",
	},

	// The end, by reason.
	"closed_agent": {
		"en": "The chat is closed. Thank you and goodbye.",
		"de": "Das Gespräch ist beendet. Vielen Dank und auf Wiedersehen.",
		"fr": "La discussion est terminée. Merci et au revoir.",
		"es": "La conversación ha terminado. Gracias y hasta pronto.",
	},
	"closed_agent_left": {
		"en": "The chat is closed because %1 has left.",
		"de": "Das Gespräch ist beendet, weil %1 gegangen ist.",
		"fr": "La discussion est terminée car %1 est parti.",
		"es": "La conversación ha terminado porque %1 se ha marchado.",
	},
	"closed_visitor": {
		"en": "You have ended the chat. Thank you and goodbye.",
		"de": "Sie haben das Gespräch beendet. Vielen Dank und auf Wiedersehen.",
		"fr": "Vous avez mis fin à la discussion. Merci et au revoir.",
		"es": "Ha terminado la conversación. Gracias y hasta pronto.",
	},
	"closed_lost": {
		"en": "The chat was closed because your connection was lost.",
		"de": "Das Gespräch wurde beendet, weil Ihre Verbindung abgebrochen ist.",
		"fr": "La discussion a été fermée car votre connexion a été perdue.",
		"es": "La conversación se cerró porque se perdió su conexión.",
	},
	"closed_timeout": {
		"en": "Sorry, nobody could take your question in time. Please try again later or leave a message.",
		"de": "Leider konnte niemand Ihre Frage rechtzeitig annehmen. Bitte versuchen Sie es später noch einmal oder hinterlassen Sie eine Nachricht.",
		"fr": "Désolé, personne n’a pu prendre votre question à temps. Veuillez réessayer plus tard ou laisser un message.",
		"es": "Lo sentimos, nadie ha podido atender su pregunta a tiempo. Inténtelo más tarde o deje un mensaje.",
	},
	"closed_no_agents": {
		"en": "Sorry, nobody is here any more. Please try again later or leave a message.",
		"de": "Leider ist niemand mehr da. Bitte versuchen Sie es später noch einmal oder hinterlassen Sie eine Nachricht.",
		"fr": "Désolé, il n’y a plus personne. Veuillez réessayer plus tard ou laisser un message.",
		"es": "Lo sentimos, ya no hay nadie. Inténtelo más tarde o deje un mensaje.",
	},
	"closed_idle": {
		"en": "The chat was closed because nobody wrote any more.",
		"de": "Das Gespräch wurde beendet, weil niemand mehr geschrieben hat.",
		"fr": "La discussion a été fermée car plus personne n’écrivait.",
		"es": "La conversación se cerró porque nadie escribía.",
	},
	"closed_max": {
		"en": "The chat has reached its longest time and was closed. You may ask again at any time.",
		"de": "Das Gespräch hat seine Höchstdauer erreicht und wurde beendet. Sie können jederzeit wieder fragen.",
		"fr": "La discussion a atteint sa durée maximale et a été fermée. Vous pouvez revenir à tout moment.",
		"es": "La conversación ha alcanzado su duración máxima y se ha cerrado. Puede volver a preguntar cuando quiera.",
	},
	"closed_failed": {
		"en": "Sorry, something went wrong on our side. Please try again later or leave a message.",
		"de": "Leider ist bei uns etwas schiefgegangen. Bitte versuchen Sie es später noch einmal oder hinterlassen Sie eine Nachricht.",
		"fr": "Désolé, un problème est survenu de notre côté. Veuillez réessayer plus tard ou laisser un message.",
		"es": "Lo sentimos, ha habido un problema por nuestra parte. Inténtelo más tarde o deje un mensaje.",
	},
	"closed_declined": {
		"en": "All right. Write to us whenever you like.",
		"de": "In Ordnung. Schreiben Sie uns, wann immer Sie möchten.",
		"fr": "C’est entendu. Écrivez-nous quand vous voulez.",
		"es": "De acuerdo. Escríbanos cuando quiera.",
	},
	"closed_banned": {
		"en": "The chat is closed.",
		"de": "Das Gespräch ist beendet.",
		"fr": "La discussion est terminée.",
		"es": "La conversación ha terminado.",
	},

	// Nobody there.
	"away_hours": {
		"en": "We are closed now.",
		"de": "Wir haben gerade geschlossen.",
		"fr": "Nous sommes fermés pour le moment.",
		"es": "Ahora mismo está cerrado.",
	},
	"away_opens": {
		"en": "We are closed now and open again on %1.",
		"de": "Wir haben gerade geschlossen und sind ab %1 wieder da.",
		"fr": "Nous sommes fermés pour le moment et rouvrons le %1.",
		"es": "Ahora mismo está cerrado; abrimos de nuevo el %1.",
	},
	"away_no_agents": {
		"en": "Sorry, nobody is here right now.",
		"de": "Leider ist gerade niemand da.",
		"fr": "Désolé, il n’y a personne pour le moment.",
		"es": "Lo sentimos, ahora mismo no hay nadie.",
	},
	"away_full": {
		"en": "Sorry, too many people are waiting right now.",
		"de": "Leider warten gerade zu viele.",
		"fr": "Désolé, trop de personnes attendent en ce moment.",
		"es": "Lo sentimos, ahora mismo hay demasiada gente esperando.",
	},
	"away_paused": {
		"en": "Sorry, everybody is on a break right now.",
		"de": "Leider machen gerade alle eine Pause.",
		"fr": "Désolé, tout le monde est en pause pour le moment.",
		"es": "Lo sentimos, ahora mismo todos están en una pausa.",
	},
	"away_kept": {
		"en": "Your message is kept and will be read by the next colleague who comes in.",
		"de": "Ihre Nachricht ist gespeichert; wer als Nächstes da ist, liest sie.",
		"fr": "Votre message est conservé et sera lu par le prochain collègue présent.",
		"es": "Su mensaje queda guardado y lo leerá el próximo compañero que llegue.",
	},
	"away_mail": {
		"en": "If you would like an answer by mail, please write your mail address now.",
		"de": "Wenn Sie eine Antwort per E-Mail möchten, schreiben Sie bitte jetzt Ihre Adresse.",
		"fr": "Si vous souhaitez une réponse par courriel, veuillez écrire votre adresse maintenant.",
		"es": "Si desea una respuesta por correo, escriba ahora su dirección.",
	},
	"away_mail_kept": {
		"en": "Thank you. The answer will go to %1.",
		"de": "Vielen Dank. Die Antwort geht an %1.",
		"fr": "Merci. La réponse sera envoyée à %1.",
		"es": "Gracias. La respuesta se enviará a %1.",
	},
	"away_lost": {
		"en": "No messages are taken now; this one was not kept. Please try again later.",
		"de": "Zurzeit werden keine Nachrichten angenommen; diese wurde nicht gespeichert. Bitte versuchen Sie es später noch einmal.",
		"fr": "Aucun message n’est accepté pour le moment ; celui-ci n’a pas été conservé. Veuillez réessayer plus tard.",
		"es": "Ahora no se aceptan mensajes; este no se ha guardado. Inténtelo más tarde.",
	},
	"refused": {
		"en": "Sorry, you can't write here.",
		"de": "Leider können Sie hier nicht schreiben.",
		"fr": "Désolé, vous ne pouvez pas écrire ici.",
		"es": "Lo sentimos, no puede escribir aquí.",
	},
	"failed": {
		"en": "Sorry, that did not work; this message was not passed on. Please try again later.",
		"de": "Das hat leider nicht geklappt; diese Nachricht wurde nicht weitergegeben. Bitte versuchen Sie es später noch einmal.",
		"fr": "Désolé, cela n’a pas fonctionné ; ce message n’a pas été transmis. Veuillez réessayer plus tard.",
		"es": "Lo sentimos, no ha funcionado; este mensaje no se ha transmitido. Inténtelo más tarde.",
	},
	"too_long": {
		"en": "This message is too long and was not passed on. Please shorten it.",
		"de": "Diese Nachricht ist zu lang und wurde nicht weitergegeben. Bitte kürzen Sie sie.",
		"fr": "Ce message est trop long et n’a pas été transmis. Veuillez le raccourcir.",
		"es": "Este mensaje es demasiado largo y no se ha transmitido. Acórtelo, por favor.",
	},

	// Forms.
	"form_title": {
		"en": "Ask us",
		"de": "Fragen Sie uns",
		"fr": "Posez votre question",
		"es": "Pregúntenos",
	},
	"form_text": {
		"en": "Please tell us what it is about.",
		"de": "Bitte sagen Sie uns, worum es geht.",
		"fr": "Dites-nous de quoi il s’agit.",
		"es": "Díganos de qué se trata, por favor.",
	},
	"offline_title": {
		"en": "Leave a message",
		"de": "Nachricht hinterlassen",
		"fr": "Laisser un message",
		"es": "Dejar un mensaje",
	},
	"offline_text": {
		"en": "Nobody is here right now. Leave us a message, with an address that we may answer to.",
		"de": "Gerade ist niemand da. Hinterlassen Sie uns eine Nachricht und eine Adresse für die Antwort.",
		"fr": "Il n’y a personne pour le moment. Laissez-nous un message et une adresse pour la réponse.",
		"es": "Ahora mismo no hay nadie. Déjenos un mensaje y una dirección para la respuesta.",
	},
	"label_name":     {"en": "Name", "de": "Name", "fr": "Nom", "es": "Nombre"},
	"label_email":    {"en": "Mail address", "de": "E-Mail-Adresse", "fr": "Adresse électronique", "es": "Correo electrónico"},
	"label_question": {"en": "Question", "de": "Frage", "fr": "Question", "es": "Pregunta"},
	"label_page":     {"en": "Page", "de": "Seite", "fr": "Page", "es": "Página"},
	"form_ask": {
		"en": "%1?",
		"de": "%1?",
		"fr": "%1 ?",
		"es": "¿%1?",
	},
	"form_ask_yes_no": {
		"en": "%1? (yes or no)",
		"de": "%1? (ja oder nein)",
		"fr": "%1 ? (oui ou non)",
		"es": "¿%1? (sí o no)",
	},
	"form_over": {
		"en": "We have not heard from you, so your question was not passed on. Please write again when you like.",
		"de": "Wir haben nichts mehr von Ihnen gehört, Ihre Frage wurde deshalb nicht weitergegeben. Schreiben Sie gern noch einmal.",
		"fr": "Sans réponse de votre part, votre question n’a pas été transmise. Vous pouvez réécrire quand vous voulez.",
		"es": "No hemos recibido respuesta, así que su pregunta no se ha transmitido. Vuelva a escribir cuando quiera.",
	},
	"form_missing": {
		"en": "Please fill in: %1",
		"de": "Bitte ausfüllen: %1",
		"fr": "Veuillez remplir : %1",
		"es": "Rellene, por favor: %1",
	},
	"form_wrong": {
		"en": "Please check: %1",
		"de": "Bitte prüfen: %1",
		"fr": "Veuillez vérifier : %1",
		"es": "Revise, por favor: %1",
	},
	"form_long": {
		"en": "Too long: %1",
		"de": "Zu lang: %1",
		"fr": "Trop long : %1",
		"es": "Demasiado largo: %1",
	},

	// The status text of the workgroup's own presence.
	"presence_open":    {"en": "open", "de": "offen", "fr": "ouvert", "es": "abierto"},
	"presence_full":    {"en": "open, all are busy", "de": "offen, alle sind im Gespräch", "fr": "ouvert, tous sont occupés", "es": "abierto, todos están ocupados"},
	"presence_nobody":  {"en": "nobody is here", "de": "niemand ist da", "fr": "personne n’est là", "es": "no hay nadie"},
	"presence_closed":  {"en": "closed", "de": "geschlossen", "fr": "fermé", "es": "cerrado"},
	"presence_waiting": {"en": "%1 waiting", "de": "%1 warten", "fr": "%1 en attente", "es": "%1 en espera"},
	"presence_closed_until": {
		"en": "closed until %1",
		"de": "geschlossen bis %1",
		"fr": "fermé jusqu’au %1",
		"es": "cerrado hasta el %1",
	},
}

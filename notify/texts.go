package notify

import (
	"cmp"
	"strings"
)

// texts are ours, by key and language. docs/interface.md lists the keys; a site may set its own.
var texts = map[string]map[string]string{
	"mail_offline": { // %1: site, %2: who
		"en": "%1: a message from %2",
		"de": "%1: eine Nachricht von %2",
		"fr": "%1 : un message de %2",
		"es": "%1: un mensaje de %2",
	},
	"mail_transcript": { // %1: site
		"en": "Your chat with %1",
		"de": "Ihr Chat mit %1",
		"fr": "Votre discussion avec %1",
		"es": "Su conversación con %1",
	},
	"mail_transcript_text": { // %1: site, %2: when
		"en": "This is what was said in your chat with %1 on %2.",
		"de": "Das wurde in Ihrem Chat mit %1 am %2 gesagt.",
		"fr": "Voici ce qui a été dit dans votre discussion avec %1 le %2.",
		"es": "Esto es lo que se dijo en su conversación con %1 el %2.",
	},
	"mail_visitor":  {"en": "a visitor", "de": "einem Besucher", "fr": "un visiteur", "es": "un visitante"},
	"mail_verified": {"en": "verified", "de": "geprüft", "fr": "vérifié", "es": "verificado"},
	"mail_name":     {"en": "Name", "de": "Name", "fr": "Nom", "es": "Nombre"},
	"mail_email":    {"en": "Mail", "de": "E-Mail", "fr": "Courriel", "es": "Correo"},
	"mail_phone":    {"en": "Phone", "de": "Telefon", "fr": "Téléphone", "es": "Teléfono"},
	"mail_page":     {"en": "Page", "de": "Seite", "fr": "Page", "es": "Página"},
	"mail_id":       {"en": "Number", "de": "Kennung", "fr": "Référence", "es": "Referencia"},
}

// text returns a text in the first of: the language wanted, the site's, English; in each the site's own goes first.
func (s *Sender) text(site, key, language string, args ...string) string {
	own, ours := s.cfg.Texts[site][key], texts[key]
	text := ""
	for _, l := range [...]string{language, s.cfg.Languages[site], "en"} {
		l = strings.ToLower(l)
		primary, _, _ := strings.Cut(l, "-")
		if text = cmp.Or(own[l], own[primary], own[""], ours[l], ours[primary]); text != "" {
			break
		}
	}
	pairs := make([]string, 0, 2*len(args))
	for i, a := range args {
		pairs = append(pairs, "%"+string(rune('1'+i)), a)
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

package gateway

import (
	"fmt"
	"strings"
)

// badWord is something that a visitor in the room says, and what comes of it on each transport.
type badWord struct {
	name, xml string
	ws        string // what he is told and the reason that is counted: "CONDITION CODE REASON"; "" = it is taken
	bosh      string // "CONDITION[+STREAM-ERROR] REASON"
	heard     string // by the witness, where it is taken: the body
}

// sayInRoom is a message to the room with this in it.
func sayInRoom(inner string) string {
	return "<message xmlns='jabber:client' type='groupchat' to='" + sceneRoom + "' id='x'>" + inner + "</message>"
}

func fromRoom(attrs string) string {
	return "<message xmlns='jabber:client' type='groupchat' to='" + sceneRoom + "' " + attrs + "><body>x</body></message>"
}

// badWords are said by those who are logged in and in the room. {me}, {bare} and {witness} stand for addresses.
func badWords() []badWord {
	const (
		xmlWS     = "not-well-formed 1008 bad-xml"
		xmlBOSH   = "bad-request bad-xml"
		banned    = "restricted-xml 1008 bad-xml"
		limitWS   = "policy-violation 1008 policy-violation"
		limitBOSH = "policy-violation policy-violation"
		forgedWS  = "invalid-from 1008 bad-protocol"
		forged    = "remote-stream-error+invalid-from bad-protocol"
		spaceWS   = "invalid-namespace 1008 bad-protocol"
		space     = "remote-stream-error+invalid-namespace bad-protocol"
		unknownWS = "unsupported-stanza-type 1008 bad-protocol"
		unknown   = "remote-stream-error+unsupported-stanza-type bad-protocol"
		utf8WS    = "- 1007 bad-framing"
		evil      = "<message xmlns='jabber:client' type='groupchat' from='admin@localhost' to='" + sceneRoom + "'><body>evil</body></message>"
	)
	many := func(n int, f string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, f, i)
		}
		return b.String()
	}
	body := func(text string) string { return sayInRoom("<body>" + text + "</body>") }
	return []badWord{
		{"not XML", "hello", xmlWS, "bad-request bad-framing", ""},
		{"cut XML", strings.TrimSuffix(body("x"), "</message>"), xmlWS, xmlBOSH, ""},
		{"cut in a tag", "<message xmlns='jabber:client' to=", xmlWS, xmlBOSH, ""},
		{"cut in a reference", "<message xmlns='jabber:client'>&am", xmlWS, xmlBOSH, ""},

		{"DTD", "<!DOCTYPE message>" + body("x"), banned, xmlBOSH, ""},
		{"DTD inside", sayInRoom("<!DOCTYPE body><body>x</body>"), banned, xmlBOSH, ""},
		{"DTD that reads a file", "<!DOCTYPE m [<!ENTITY f SYSTEM 'file:///etc/passwd'>]>" + body("&f;"), banned, xmlBOSH, ""},
		{"billion laughs", "<!DOCTYPE m [<!ENTITY a 'ha'>" + many(9, "<!ENTITY a%d '&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;'>") + "]>" + body("&a9;"), banned, xmlBOSH, ""},
		{"processing instruction", "<?php evil() ?>" + body("x"), banned, xmlBOSH, ""},
		{"processing instruction inside", sayInRoom("<?xml-stylesheet href='x'?><body>x</body>"), banned, xmlBOSH, ""},
		{"comment", "<!-- x -->" + body("x"), banned, xmlBOSH, ""},
		{"comment inside", body("a<!-- </message> -->b"), banned, xmlBOSH, ""},
		{"undefined entity", body("&foo;"), banned, xmlBOSH, ""},
		{"entity of HTML", body("&nbsp;"), banned, xmlBOSH, ""},
		{"entity in an attribute", fromRoom("id='&foo;'"), banned, xmlBOSH, ""},

		{"]]> in text", body("a]]>b"), xmlWS, xmlBOSH, ""},
		{"CDATA without an end", body("<![CDATA[x"), xmlWS, xmlBOSH, ""},
		{"CDATA in the place of a stanza", "<![CDATA[" + evil + "]]>", xmlWS, "bad-request bad-framing", ""},
		{"CDATA in a tag", "<message xmlns='jabber:client' <![CDATA[x]]>/>", xmlWS, xmlBOSH, ""},
		{"CDATA that ends twice", body("<![CDATA[x]]></body></message>" + evil + "]]>"), xmlWS, "bad-request bad-framing", ""},
		{"CDATA with the end of a message", body("<![CDATA[</body></message>" + evil + "<message><body>]]>"), "", "", "</body></message>" + evil + "<message><body>"},
		{"CDATA round its own end", body("<![CDATA[a]]]]><![CDATA[>b]]>"), "", "", "a]]>b"},
		{"CDATA with a reference", body("<![CDATA[&lol;&#0;&lt;]]>"), "", "", "&lol;&#0;&lt;"},
		{"markup as text", body("&lt;/body&gt;&lt;/message&#x3e;&amp;lt;"), "", "", "</body></message>&lt;"},

		{"end of the stream", "</stream:stream>", xmlWS, xmlBOSH, ""},
		{"end of the stream inside", body("x</stream:stream>"), xmlWS, xmlBOSH, ""},
		{"start of a stream inside", body("<stream:stream>"), xmlWS, xmlBOSH, ""},
		{"breaking out by unbalanced tags", sayInRoom("<body>x</message>" + strings.TrimSuffix(evil, "</message>") + "</body>"), xmlWS, xmlBOSH, ""},
		{"one end tag too many", body("x") + "</message>", xmlWS, xmlBOSH, ""},
		{"end tag with attributes", "<message xmlns='jabber:client'></message from='admin@localhost'>", xmlWS, xmlBOSH, ""},
		{"breaking out of an attribute", fromRoom(`id='x"/><presence to="a@b'`), xmlWS, xmlBOSH, ""},
		{"markup in an attribute", fromRoom(`id="'/>&lt;presence from=&apos;admin@localhost&apos;/>&quot;"`), "", "", "x"},

		{"undeclared prefix", sayInRoom("<x:y/>"), xmlWS, xmlBOSH, ""},
		{"undeclared prefix of an attribute", sayInRoom("<y xmlns='urn:y' x:z='1'/>"), xmlWS, xmlBOSH, ""},
		{"prefix declared elsewhere", sayInRoom("<a xmlns:x='urn:x'/><x:y/>"), xmlWS, xmlBOSH, ""},
		{"prefix stream", "<stream:error><x/></stream:error>", xmlWS, xmlBOSH, ""},
		{"prefix xmlns", sayInRoom("<y xmlns:xmlns='urn:x'/>"), xmlWS, xmlBOSH, ""},
		{"prefix xml taken away", sayInRoom("<y xmlns:xml='urn:x'/>"), xmlWS, xmlBOSH, ""},
		{"prefix for the content", "<c:message xmlns:c='jabber:client' type='groupchat' to='" + sceneRoom + "'><c:body>by a prefix</c:body></c:message>", "", "", "by a prefix"},
		{"attribute twice", fromRoom("to='admin@localhost'"), xmlWS, xmlBOSH, ""},
		{"namespace twice", fromRoom("xmlns='jabber:server'"), xmlWS, xmlBOSH, ""},
		{"attribute twice by two prefixes", sayInRoom("<y xmlns:a='urn:x' xmlns:b='urn:x' a:z='1' b:z='2'/>"), xmlWS, xmlBOSH, ""},
		{"attribute in both content namespaces", sayInRoom("<y xmlns:a='jabber:client' xmlns:b='jabber:component:accept' a:z='1' b:z='2'/>"),
			"bad-namespace-prefix 1008 bad-xml", xmlBOSH, ""},

		{"deep nesting", sayInRoom(strings.Repeat("<a>", 64) + strings.Repeat("</a>", 64)), limitWS, limitBOSH, ""},
		{"deep nesting without end", sayInRoom(strings.Repeat("<a>", 10000)), limitWS, limitBOSH, ""},
		{"nesting up to the limit", sayInRoom("<body>deep</body>" + strings.Repeat("<a xmlns='urn:a'>", 63) + strings.Repeat("</a>", 63)), "", "", "deep"},
		{"many elements", sayInRoom(strings.Repeat("<a/>", 1000)), limitWS, limitBOSH, ""},
		{"many attributes", sayInRoom("<a" + many(65, " a%d=''") + "/>"), limitWS, limitBOSH, ""},
		{"too large", body(strings.Repeat("x", 64<<10)), "policy-violation 1009 policy-violation", limitBOSH, ""},
		{"start tag too large", fromRoom("id='" + strings.Repeat("x", 64<<10) + "'"), "policy-violation 1009 policy-violation", limitBOSH, ""},

		{"invalid UTF-8", body("\xff"), utf8WS, xmlBOSH, ""},
		{"UTF-8 too long for what it says", body("\xc0\xbc/body\xc0\xbe"), utf8WS, xmlBOSH, ""},
		{"UTF-8 of a surrogate", body("\xed\xa0\x80"), utf8WS, xmlBOSH, ""},
		{"UTF-8 cut", body("\xe2\x82"), utf8WS, xmlBOSH, ""},
		{"UTF-8 in a name", "<mess\xffage xmlns='jabber:client'/>", utf8WS, xmlBOSH, ""},
		{"NUL", body("\x00"), xmlWS, xmlBOSH, ""},
		{"control character", body("\x0b"), xmlWS, xmlBOSH, ""},
		{"escape", body("\x1b[2J"), xmlWS, xmlBOSH, ""},
		{"control character in an attribute", fromRoom("id='\x01'"), xmlWS, xmlBOSH, ""},
		{"control character in CDATA", body("<![CDATA[\x01]]>"), xmlWS, xmlBOSH, ""},
		{"no character", body("\uffff"), xmlWS, xmlBOSH, ""},
		{"NUL as a reference", body("&#0;"), xmlWS, xmlBOSH, ""},
		{"control character as a reference", body("&#x1b;"), xmlWS, xmlBOSH, ""},
		{"control character as a reference in an attribute", fromRoom("id='&#1;'"), xmlWS, xmlBOSH, ""},
		{"surrogate as a reference", body("&#xD800;"), xmlWS, xmlBOSH, ""},
		{"no character as a reference", body("&#xFFFE;"), xmlWS, xmlBOSH, ""},
		{"reference over Unicode", body("&#x110000;"), xmlWS, xmlBOSH, ""},
		{"reference that overflows", body("&#4294967361;"), xmlWS, xmlBOSH, ""},

		{"from of an admin", fromRoom("from='admin@localhost'"), forgedWS, forged, ""},
		{"from of another visitor", fromRoom("from='{witness}'"), forgedWS, forged, ""},
		{"from of another visitor's occupant", fromRoom("from='" + sceneRoom + "/witness'"), forgedWS, forged, ""},
		{"from of the component", fromRoom("from='" + testComponent + "'"), forgedWS, forged, ""},
		{"from of another resource", fromRoom("from='{bare}/other'"), forgedWS, forged, ""},
		{"from on an answer", "<iq xmlns='jabber:client' type='result' id='1' from='admin@localhost' to='" + sceneRoom + "'/>", forgedWS, forged, ""},
		{"empty from", fromRoom("from=''"), forgedWS, forged, ""},
		{"own from", fromRoom("from='{me}'"), "", "", "x"},
		{"own bare from", fromRoom("from='{bare}'"), "", "", "x"},
		{"from by a prefix", fromRoom("xmlns:c='jabber:client' c:from='admin@localhost'"), "", "", "x"},

		{"namespace of components", strings.Replace(body("x"), "jabber:client", "jabber:component:accept", 1), spaceWS, space, ""},
		{"namespace of servers", strings.Replace(body("x"), "jabber:client", "jabber:server", 1), spaceWS, space, ""},
		{"namespace of nobody", strings.Replace(body("x"), "jabber:client", "urn:example", 1), spaceWS, space, ""},
		{"no namespace", strings.Replace(body("x"), "jabber:client", "", 1), "invalid-namespace 1008 bad-framing", space, ""},
		{"no stanza", "<hello xmlns='jabber:client'/>", unknownWS, unknown, ""},
		{"handshake of a component", "<handshake xmlns='jabber:component:accept'>0</handshake>", unknownWS, unknown, ""},
		{"features of a server", "<s:features xmlns:s='http://etherx.jabber.org/streams'/>", unknownWS, unknown, ""},
		{"login after login", authSASL, "not-authorized 1008 bad-protocol", "remote-stream-error+not-authorized bad-protocol", ""},
	}
}

// by puts addresses into it.
func (w *badWord) by(jid, witness string) string {
	bare, _, _ := strings.Cut(jid, "/")
	return strings.NewReplacer("{me}", jid, "{bare}", bare, "{witness}", witness).Replace(w.xml)
}

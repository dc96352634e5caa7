package archive

// applicationID marks a database file as ours (PRAGMA application_id).
const applicationID = 0x55534852 // USHR

// migrations lead from one version of the schema to the next; PRAGMA
// user_version counts those that are done. One that has been released is never changed.
//
// Numbers of events are never used again, so that an id which was given out never means another
// message (XEP-0313 §3.2). The index `words` holds the events' bodies under their numbers and what can be searched of
// a conversation itself under its number, negative.
var migrations = []string{`
CREATE TABLE meta (
	key   TEXT PRIMARY KEY,
	value BLOB NOT NULL
) WITHOUT ROWID;

CREATE TABLE conversations (
	n           INTEGER PRIMARY KEY AUTOINCREMENT,
	id          TEXT NOT NULL UNIQUE,
	number      INTEGER NOT NULL,
	site        TEXT NOT NULL,
	workgroup   TEXT NOT NULL,
	state       TEXT NOT NULL,
	reason      TEXT NOT NULL,
	jid         TEXT NOT NULL,
	name        TEXT NOT NULL,
	email       TEXT NOT NULL,
	phone       TEXT NOT NULL,
	groups      TEXT NOT NULL, -- JSON
	sub         TEXT NOT NULL,
	verified    INTEGER NOT NULL,
	page        TEXT NOT NULL,
	referrer    TEXT NOT NULL,
	title       TEXT NOT NULL,
	language    TEXT NOT NULL,
	address     TEXT NOT NULL,
	question    TEXT NOT NULL,
	form        TEXT NOT NULL, -- JSON
	asked       INTEGER NOT NULL, -- times: microseconds since 1970; 0: none
	accepted    INTEGER NOT NULL,
	closed      INTEGER NOT NULL,
	agents      TEXT NOT NULL, -- JSON
	rating      INTEGER NOT NULL,
	rating_text TEXT NOT NULL,
	room        TEXT NOT NULL,
	resume      BLOB,
	search      TEXT NOT NULL  -- what of all this is in the index
);
CREATE INDEX conversations_by_site ON conversations (site, id);
CREATE INDEX conversations_by_group ON conversations (site, workgroup, id);
CREATE INDEX conversations_by_asked ON conversations (asked);
CREATE INDEX conversations_by_end ON conversations (closed) WHERE closed > 0;
CREATE INDEX conversations_by_end_of_site ON conversations (site, closed) WHERE closed > 0;
CREATE INDEX conversations_by_jid ON conversations (jid COLLATE NOCASE);
CREATE INDEX conversations_by_sub ON conversations (sub);
CREATE INDEX conversations_by_email ON conversations (email COLLATE NOCASE);
CREATE INDEX conversations_by_room ON conversations (room COLLATE NOCASE);
CREATE INDEX conversations_open ON conversations (state) WHERE state <> 'closed';

CREATE TABLE events (
	n            INTEGER PRIMARY KEY AUTOINCREMENT,
	conversation INTEGER NOT NULL REFERENCES conversations (n) ON DELETE CASCADE,
	seq          INTEGER NOT NULL,
	time         INTEGER NOT NULL,
	kind         TEXT NOT NULL,
	sender       TEXT NOT NULL,
	nick         TEXT NOT NULL,
	role         TEXT NOT NULL,
	body         TEXT NOT NULL,
	stanza_id    TEXT NOT NULL,
	UNIQUE (conversation, seq)
);
CREATE INDEX events_by_kind ON events (conversation, kind, time); -- all that pages are counted by

CREATE TABLE items (
	key     TEXT PRIMARY KEY,
	value   BLOB NOT NULL,
	changed INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE notices (
	id           INTEGER PRIMARY KEY AUTOINCREMENT,
	conversation TEXT NOT NULL,
	site         TEXT NOT NULL,
	workgroup    TEXT NOT NULL,
	event        TEXT NOT NULL,
	mail         TEXT NOT NULL, -- JSON
	time         INTEGER NOT NULL,
	due          INTEGER NOT NULL, -- 0: done or given up
	tries        INTEGER NOT NULL,
	UNIQUE (conversation, site, workgroup, event, mail, time)
);
CREATE INDEX notices_by_due ON notices (due) WHERE due > 0;

-- Conversations of erased visitors: what a running desk still writes of them is not kept.
CREATE TABLE erased (
	id   TEXT PRIMARY KEY,
	time INTEGER NOT NULL
) WITHOUT ROWID;

CREATE VIEW texts (n, body) AS
	SELECT n, body FROM events WHERE body <> '' AND kind IN ('message', 'note', 'rating')
	UNION ALL
	SELECT -n, search FROM conversations WHERE search <> '';
CREATE VIRTUAL TABLE words USING fts5 (
	body, content = 'texts', content_rowid = 'n', tokenize = 'unicode61 remove_diacritics 2'
);
INSERT INTO words (words, rank) VALUES ('secure-delete', 1);

CREATE TRIGGER event_in AFTER INSERT ON events
	WHEN new.body <> '' AND new.kind IN ('message', 'note', 'rating') BEGIN
	INSERT INTO words (rowid, body) VALUES (new.n, new.body);
END;
CREATE TRIGGER event_out AFTER DELETE ON events
	WHEN old.body <> '' AND old.kind IN ('message', 'note', 'rating') BEGIN
	INSERT INTO words (words, rowid, body) VALUES ('delete', old.n, old.body);
END;
CREATE TRIGGER conversation_in AFTER INSERT ON conversations WHEN new.search <> '' BEGIN
	INSERT INTO words (rowid, body) VALUES (-new.n, new.search);
END;
CREATE TRIGGER conversation_out AFTER DELETE ON conversations WHEN old.search <> '' BEGIN
	INSERT INTO words (words, rowid, body) VALUES ('delete', -old.n, old.search);
END;
CREATE TRIGGER conversation_new AFTER UPDATE OF search ON conversations WHEN new.search <> old.search BEGIN
	INSERT INTO words (words, rowid, body) SELECT 'delete', -old.n, old.search WHERE old.search <> '';
	INSERT INTO words (rowid, body) SELECT -new.n, new.search WHERE new.search <> '';
END;
`}

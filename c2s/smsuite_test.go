package c2s

import (
	"fmt"
	"strings"
	"testing"
)

// The cases of MongooseIM's sm_SUITE, by their names there, as far as they concern one stream; docs/specs.md tells
// which of them are tested elsewhere, or have nothing that they could mean here.
func TestSMSuite(t *testing.T) {
	const (
		failed     = `<failed ` + smns + `>`
		condition  = ` xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>`
		unexpected = "\n" + `S: ` + failed + `<unexpected-request` + condition + "\nE: not"
		notFound   = "\n" + `S: ` + failed + `<item-not-found` + condition + "\nE: not"
		enable     = "\n" + `C: <enable ` + smns + `/>`
		enabledNow = "\n" + `I: <enabled ` + smns + ` id='$id'/>`
		session    = `
			C: <iq ` + jc + ` type='set' id='s1'><session xmlns='urn:ietf:params:xml:ns:xmpp-session'/></iq>
			S: <iq ` + jc + ` type='result' id='s1'/>`
		countedSession = session + askedAck
		r              = "\n" + `C: <r ` + smns + `/>` + "\n" + `S: <a ` + smns + ` h='%d'/>` + "\nE: not"
		again          = parked + `
			=: second` + loggedIn + `
			C: <resume ` + smns + ` previd='$id' h='0'/>` + resumedBy + `
			S: <resumed ` + smns + ` previd='$id' h='0'/>`
		twoWritten = `
			M: 1` + m1 + askedAck + `
			M: 2` + m2
		undelivered12 = `
			H: undelivered 1
			H: undelivered 2`
	)
	asked := func(h int) string { return fmt.Sprintf(r, h) }
	playResume(t, map[string]string{
		"server_announces_sm":              loggedIn,
		"server_enables_sm_before_session": ready + enable + enabledNow + countedSession,
		"server_enables_sm_after_session":  ready + session + enable + enabledNow,
		"server_returns_failed_after_start": strings.Join(strings.Split(loggedIn, "\n")[:5], "\n") +
			enable + unexpected,
		"server_returns_failed_after_auth": loggedIn + enable + unexpected,
		"server_enables_resumption":        promised,
		"client_enables_sm_twice_fails_with_correct_error_stanza": promised +
			enable + unexpected,
		"session_resumed_then_old_session_is_closed_gracefully_with_correct_error_stanza": promised + `
			=: second` + loggedIn + `
			C: <resume ` + smns + ` previd='$id' h='0'/>` + resumedBy + `
			S: <resumed ` + smns + ` previd='$id' h='0'/>
			E: not
			=: first
			E: replaced conflict`,
		"session_resumed_and_old_session_dead_doesnt_route_error_to_new_session": promised + twoWritten + again + m1 + m2 + askedAck + `
			T: 10m
			E: not`,
		"basic_ack": promised + twoWritten + `
			C: <a ` + smns + ` h='2'/>` + asked(0),
		"h_ok_before_session":                       ready + enable + enabledNow + asked(0) + countedSession,
		"h_ok_after_session_enabled_before_session": ready + enable + enabledNow + countedSession + asked(1),
		"h_ok_after_session_enabled_after_session":  ready + session + enable + enabledNow + asked(0),
		"h_ok_after_a_chat":                         promised + chatOf("1") + chatOf("2") + asked(2),
		"h_ok_after_presence":                       promised + "\nC: <presence " + jc + " id='p'/>\nH: presence p" + asked(1),
		"h_ok_after_iq":                             promised + "\nC: <iq " + jc + " type='get' id='i' to='b'><x xmlns='urn:y'/></iq>\nH: iq i" + asked(1),
		"h_ok_after_non_xmpp_stanza":                promised + "\nC: <active xmlns='urn:xmpp:csi:0'/>" + asked(0),
		"h_non_given_closes_stream_gracefully":      promised + "\nC: <a " + smns + "/>\nS: <a " + smns + " h='0'/>\nE: bad-protocol bad-format",
		"resend_unacked_on_reconnection":            promised + twoWritten + again + m1 + m2 + askedAck,
		"session_established":                       ready,
		"wait_for_resumption":                       promised + parked + "\nT: 4m59s\nE: not",
		"resume_session":                            promised + again + chatOf("1") + asked(1),
		"resume_session_with_wrong_h_does_not_leak_sessions": promised + twoWritten + parked + `
			=: second` + loggedIn + `
			C: <resume ` + smns + ` previd='$id' h='3'/>
			E: bad-protocol undefined-condition<handled-count-too-high ` + smns + ` h='3' send-count='2'/>
			=: first
			E: not
			T: 5m1s
			H: closed connection-lost` + undelivered12 + `
			E: connection-lost`,
		"resume_session_with_wrong_sid_returns_item_not_found": promised + parked + `
			=: second` + loggedIn + `
			C: <resume ` + smns + ` previd='wrong' h='0'/>` + notFound + `
			C: <resume ` + smns + ` previd='00000000000000000000000000000000' h='0'/>` + notFound,
		"resume_session_with_wrong_namespace_is_a_noop": promised + parked + `
			=: second` + loggedIn + `
			C: <resume xmlns='urn:xmpp:sm:4' previd='$id' h='0'/>
			E: bad-protocol not-authorized
			=: third` + loggedIn + `
			C: <resume ` + smns + ` previd='$id' h='0'/>` + resumedBy + `
			S: <resumed ` + smns + ` previd='$id' h='0'/>`,
		"resume_dead_session_results_in_item_not_found": promised + chatOf("1") + parked + `
			T: 5m1s
			H: closed connection-lost
			=: second` + loggedIn + `
			C: <resume ` + smns + ` previd='$id' h='0'/>
			S: <failed ` + smns + ` h='1'><item-not-found` + condition + `
			C: <iq xmlns='jabber:client' type='set' id='b1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>web</resource></bind></iq>
			H: bind "web"
			S?: <jid>abc@visitors.example/web</jid>`,
		"resume_session_kills_old_C2S_gracefully": promised + again + "\nE: not\n=: first\nE: replaced conflict",
		"replies_are_processed_by_resumed_session": promised + `
			C: <iq ` + jc + ` type='get' id='echo' to='b'><x xmlns='urn:y'/></iq>
			H: iq echo
			S?: <iq type='get' id='echo'` + askedAck + parked + `
			=: second` + loggedIn + `
			C: <resume ` + smns + ` previd='$id' h='0'/>` + resumedBy + `
			S: <resumed ` + smns + ` previd='$id' h='1'/>
			S?: <iq type='get' id='echo'` + askedAck + `
			C: <iq ` + jc + ` type='get' id='echo' to='b'><x xmlns='urn:y'/></iq>
			H: iq echo
			S?: <iq type='get' id='echo'`,
		"messages_are_properly_flushed_during_resumption": promised + twoWritten + parked + `
			M: 3
			=: second` + loggedIn + `
			C: <resume ` + smns + ` previd='$id' h='2'/>` + resumedBy + `
			S: <resumed ` + smns + ` previd='$id' h='0'/>` + m3 + askedAck,
		"messages_are_properly_flushed_during_resumption: sent through the old stream": promised + twoWritten + again + m1 + m2 + askedAck + `
			=: first
			M: 3
			=: second` + m3 + `
			C: <a ` + smns + ` h='3'/>`,
		"resend_more_offline_messages_than_buffer_size": promised + parked + strings.Repeat("\nM: 1", 60) + `
			=: second` + loggedIn + `
			C: <resume ` + smns + ` previd='$id' h='0'/>` + resumedBy + `
			S: <resumed ` + smns + ` previd='$id' h='0'/>` + strings.Repeat(m1, 60) + askedAck,
		"resend_unacked_from_stopped_sessions": promised + twoWritten + `
			Q: client-closed
			H: closed client-closed` + undelivered12 + `
			S: <a ` + smns + ` h='0'/>`,
		"resend_unacked_from_terminated_sessions": promised + twoWritten + parked + `
			Q: terminated
			H: closed connection-lost` + undelivered12,
		"resend_unacked_from_replaced_sessions": promised + twoWritten + parked + `
			=: second` + loggedIn + bindAgain + m1 + m2,
		"client_acks_more_than_sent": promised + twoWritten + `
			C: <a ` + smns + ` h='3'/>
			S: <a ` + smns + ` h='0'/>
			H: closed bad-protocol` + undelivered12 + `
			E: bad-protocol undefined-condition<handled-count-too-high ` + smns + ` h='3' send-count='2'/>`,
		"unacknowledged_message_hook_bounce: time is over": promised + twoWritten + parked + `
			M: 3
			T: 5m1s
			H: closed connection-lost` + undelivered12 + `
			H: undelivered 3`,
		"resume_expired_session_returns_correct_h": promised + chatOf("1") + chatOf("2") + parked + `
			T: 5m1s
			H: closed connection-lost
			=: second` + loggedIn + `
			C: <resume ` + smns + ` previd='$id' h='0'/>
			S: <failed ` + smns + ` h='2'><item-not-found` + condition,
		"session_ping_timeout: the ending is kept": promised + `
			X: pong-timeout
			H: lost pong-timeout, promised 5m0s
			T: 5m1s
			H: closed pong-timeout`,
		"ping_timeout, resumed in time": promised + `
			X: pong-timeout
			H: lost pong-timeout, promised 5m0s
			T: 4m
			=: second` + loggedIn + `
			C: <resume ` + smns + ` previd='$id' h='0'/>` + resumedBy + `
			S: <resumed ` + smns + ` previd='$id' h='0'/>
			T: 5m
			E: not`,
	})
}

// chatOf is a message of the client's.
func chatOf(id string) string {
	return "\nC: <message " + jc + " to='a@b' id='" + id + "'/>\nH: message " + id
}

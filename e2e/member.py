"""Drives slixmpp: an agent or supervisor with an ordinary client, straight at the server.

Like driver.js: commands come in as JSON lines on the standard input, events go
out as JSON lines on the standard output; the process ends when the input does.
"""

import asyncio
import base64
import json
import logging
import os
import sys
import traceback
import urllib.request
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

from slixmpp import ClientXMPP
from slixmpp.exceptions import IqError
from slixmpp.jid import JID
from slixmpp.xmlstream.handler import Callback
from slixmpp.xmlstream.matcher import MatchXPath

MUC_USER = '{http://jabber.org/protocol/muc#user}'
STANZAS = '{urn:ietf:params:xml:ns:xmpp-stanzas}'
CHAT_STATES = '{http://jabber.org/protocol/chatstates}'

out = os.fdopen(os.dup(1), 'w', buffering=1)
sys.stdout = sys.stderr  # the library prints; the standard output is for events only


def emit(event, **data):
    out.write(json.dumps({'event': event, **{k: v for k, v in data.items() if v}}) + '\n')


def condition(xml):
    """The defined condition of an error stanza, or ''."""
    for error in xml.iter('{jabber:client}error'):
        for child in error:
            if child.tag.startswith(STANZAS) and not child.tag.endswith('}text'):
                return child.tag[len(STANZAS):]
    return ''


class Member(ClientXMPP):
    """What a person's client does by itself: it answers subscriptions, and follows invitations unless told not to."""

    def __init__(self, args):
        self.args = args
        self.was = self.closing = False
        self.follow = args.get('follow', True)
        self.nick = args.get('nick') or JID(args['jid']).user
        super().__init__(args['jid'], args['password'], plugin_config={
            'feature_mechanisms': {'unencrypted_plain': True},  # on loopback
        })
        for number in ('0004', '0030', '0045', '0050', '0059', '0085', '0199', '0203', '0249', '0308', '0313', '0363'):
            self.register_plugin('xep_' + number)
        self.auto_authorize = self.auto_subscribe = True
        self.add_event_handler('session_start', self.started)
        self.add_event_handler('disconnected', self.gone)
        self.add_event_handler('failed_all_auth', lambda _: emit('error', text='login refused'))
        # The library's own events leave out messages without a body and presence from rooms that it knows.
        self.register_handler(Callback('any message', MatchXPath('{jabber:client}message'), self.message))
        self.register_handler(Callback('any presence', MatchXPath('{jabber:client}presence'), self.presence))
        self.dial()

    def dial(self):
        self.connect((self.args['host'], int(self.args['port'])), use_ssl=False, force_starttls=False, disable_starttls=True)

    async def started(self, _):
        await self.get_roster()
        self.show(self.args)
        emit('reconnected' if self.was else 'online', jid=self.boundjid.full)
        self.was = True

    def gone(self, _):
        emit('closed' if self.closing else 'disconnected')
        if not self.closing:
            self.loop.call_later(0.3, self.dial)  # as any client does

    def show(self, args):
        self.send_presence(pshow=args.get('show'), pstatus=args.get('status'), ppriority=args.get('priority'),
                           pto=args.get('to'), ptype=args.get('type'))

    # What comes in.

    def message(self, msg):
        xml, sender = msg.xml, msg['from']
        delayed = xml.find('{urn:xmpp:delay}delay') is not None
        if msg['type'] == 'error':
            emit('refused', **{'from': sender.bare}, id=msg['id'], state=condition(xml))
            return
        invitation = xml.find('{jabber:x:conference}x')
        if invitation is not None:  # XEP-0249
            return self.invited(invitation.get('jid'), sender.bare, invitation.get('reason'), 'direct')
        invitation = xml.find(f'{MUC_USER}x/{MUC_USER}invite')
        if invitation is not None:
            return self.invited(sender.bare, invitation.get('from'), invitation.findtext(f'{MUC_USER}reason'), 'mediated')
        text = xml.findtext('{jabber:client}body')
        if msg['type'] == 'groupchat':
            for child in xml:
                if child.tag.startswith(CHAT_STATES):
                    emit('chatstate', room=sender.bare, nick=sender.resource, state=child.tag[len(CHAT_STATES):])
            if text is not None and xml.find('{jabber:client}subject') is None:
                emit('message', room=sender.bare, nick=sender.resource, text=text, id=msg['id'], delayed=delayed)
        elif text is not None:
            if sender.bare in self['xep_0045'].rooms:
                emit('pm', room=sender.bare, nick=sender.resource, text=text, delayed=delayed)
                return
            replaces = xml.find('{urn:xmpp:message-correct:0}replace')
            emit('chat', **{'from': sender.bare}, text=text, id=msg['id'], delayed=delayed,
                 replaces='' if replaces is None else replaces.get('id'))

    def invited(self, room, sender, reason, kind):
        emit('invited', room=room, **{'from': sender}, text=reason, type=kind)
        if self.follow:
            self.join({'room': room})

    def presence(self, pres):
        sender, kind = pres['from'], pres.xml.get('type') or 'available'
        room = sender.bare
        if room not in self['xep_0045'].rooms:
            emit('contact', **{'from': room}, jid=sender.full, type=kind, text=pres['status'],
                 show=pres.xml.findtext('{jabber:client}show'))
            return
        if kind == 'error':
            emit('refused', room=room, nick=sender.resource, state=condition(pres.xml))
            return
        codes = [s.get('code') for s in pres.xml.iter(f'{MUC_USER}status')]
        destroyed = pres.xml.find(f'{MUC_USER}x/{MUC_USER}destroy') is not None
        if kind == 'available' and '110' in codes:
            emit('joined', room=room, nick=sender.resource)
        emit('presence', room=room, nick=sender.resource, type=kind, self='110' in codes,
             names=codes, reason='destroyed' if destroyed else '')

    # What the person does.

    def chat(self, args):
        self.send_message(mto=args['to'], mbody=args['text'], mtype='chat')

    def join(self, args):
        room = args['room']
        muc = self['xep_0045']
        muc.rooms.setdefault(room, {})
        muc.our_nicks[room] = args.get('nick') or self.nick
        pres = self.make_presence(pto=f'{room}/{muc.our_nicks[room]}')
        pres.enable('muc_join')
        pres.send()

    def say(self, args):
        self.send_message(mto=args['room'], mbody=args['text'], mtype='groupchat')

    async def send_file(self, args):
        """Sends a file to a room (XEP-0363), and its address the way that clients do (XEP-0066)."""
        content = base64.b64decode(args['base64'])
        try:
            slot = await self['xep_0363'].request_slot(JID(args['to']), args['name'], len(content), args['type'])
        except IqError as err:
            emit('error', text=f'no slot for a file: {err.condition}')
            return
        slot = slot['http_upload_slot']
        put = urllib.request.Request(slot['put']['url'], content, method='PUT', headers={'Content-Type': args['type']})
        await asyncio.get_running_loop().run_in_executor(None, lambda: urllib.request.urlopen(put).close())
        msg = self.make_message(mto=args['room'], mbody=slot['get']['url'], mtype='groupchat')
        msg.append(ET.fromstring(f"<x xmlns='jabber:x:oob'><url>{escape(slot['get']['url'])}</url></x>"))
        msg.send()

    def typing(self, args):
        msg = self.make_message(mto=args['room'], mtype='groupchat')
        msg['chat_state'] = args['state']
        msg.send()

    def leave(self, args):
        self['xep_0045'].leave_muc(args['room'], self['xep_0045'].our_nicks[args['room']])

    async def commands(self, args):
        try:
            items = await self['xep_0050'].get_commands(args['to'])
            emit('commands', names=[node for _, node, _ in items['disco_items']['items']])
        except IqError as err:
            emit('commands', type='error', state=err.condition)

    async def run(self, args):
        """Runs an ad-hoc command: the form that it shows is filled in and sent, as a person does."""
        try:
            iq = await self['xep_0050'].send_command(args['to'], args['node'])
            if iq['command']['status'] == 'executing':
                shown = iq['command']['form']
                form = self['xep_0004'].make_form(ftype='submit')
                names = shown.get_fields()
                for name, value in (args.get('fields') or {}).items():
                    if name not in names:
                        emit('command', type='error', state='no field ' + name, names=list(names))
                        return
                    form.add_field(var=name, value=value)
                iq = await self['xep_0050'].send_command(
                    args['to'], args['node'], action='complete', payload=form, sessionid=iq['command']['sessionid'])
            xml = iq.xml.find('{http://jabber.org/protocol/commands}command')
            words = [note.text or '' for note in xml.iter('{http://jabber.org/protocol/commands}note')]
            words += [value.text or '' for value in xml.iter('{jabber:x:data}value')]
            emit('command', state=iq['command']['status'], text='\n'.join(words))
        except IqError as err:
            emit('command', type='error', state=err.condition, text=err.text)

    async def archive(self, args):
        """Reads a whole archive, page by page (XEP-0313, XEP-0059)."""
        lines = []
        try:
            # The library takes an error on the way through the pages for their end.
            await self['xep_0313'].retrieve(jid=JID(args['of']), with_jid=args.get('with') and JID(args['with']), rsm={'max': 1})
            async for m in self['xep_0313'].iterate(jid=JID(args['of']), with_jid=args.get('with') and JID(args['with']),
                                                     rsm={'max': args.get('page', 5)}):
                said = m['mam_result']['forwarded']['stanza']
                if said['body']:
                    lines.append(said['body'])
            emit('archive', names=lines)
        except IqError as err:
            emit('archive', type='error', state=err.condition)

    async def info(self, args):
        try:
            iq = await self['xep_0030'].get_info(jid=args['of'])
            emit('info', **{'from': args['of']}, names=sorted(iq['disco_info']['features']))
        except IqError as err:
            emit('info', **{'from': args['of']}, type='error', state=err.condition)

    def close(self, _):
        self.closing = True
        self.disconnect()


async def main():
    reader = asyncio.StreamReader(limit=1 << 20)  # of one command
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    emit('ready')
    member = None
    while line := await reader.readline():
        args = json.loads(line)
        try:
            name = args.pop('do')
            if name == 'connect':
                member = Member(args)
            elif name == 'follow':
                member.follow = args['follow']
            else:
                result = getattr(member, name)(args)
                if asyncio.iscoroutine(result):
                    asyncio.ensure_future(result).add_done_callback(lambda f: f.exception() and emit('error', text=repr(f.exception())))
        except Exception:
            emit('error', text=traceback.format_exc())
    os._exit(0)


logging.basicConfig(level=logging.WARNING)
asyncio.get_event_loop_policy().get_event_loop().run_until_complete(main())

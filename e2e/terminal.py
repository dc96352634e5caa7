"""Runs a program for people in a terminal of its own (a pty), for the lack of a person.

What it draws goes out as JSON lines, without the terminal's control sequences; what
is typed comes in as JSON lines, as in driver.js. The program ends when the input does,
and when this one is killed: else it would look for its terminal for ever, with all of a core.

python3 terminal.py PROGRAM ARGUMENT...
"""

import ctypes
import fcntl
import json
import os
import pty
import re
import signal
import struct
import sys
import termios
import threading

CONTROL = re.compile(r'\x1b(\[[0-9;?]*[ -/]*[@-~]|\][^\x07]*\x07|[()][A-Z0-9]|[=>78cDEHM])|[\x00-\x08\x0b-\x1a\x1c-\x1f]')


def emit(event, **data):
    sys.stdout.write(json.dumps({'event': event, **data}) + '\n')
    sys.stdout.flush()


pid, screen = pty.fork()
if pid == 0:
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # prctl(2) PR_SET_PDEATHSIG
    os.environ['TERM'] = 'xterm'
    os.execvp(sys.argv[1], sys.argv[1:])
fcntl.ioctl(screen, termios.TIOCSWINSZ, struct.pack('HHHH', 50, 250, 0, 0))


def show():
    text = ''
    while True:
        try:
            chunk = os.read(screen, 65536)
        except OSError:  # the program has ended
            os._exit(0)
        text += chunk.decode(errors='replace')
        cut = text.rfind('\x1b', -20)  # perhaps the beginning of a sequence
        whole, text = (text, '') if cut < 0 or CONTROL.match(text, cut) else (text[:cut], text[cut:])
        emit('output', text=CONTROL.sub(' ', whole))


threading.Thread(target=show, daemon=True).start()
emit('ready')
for line in sys.stdin:
    os.write(screen, (json.loads(line)['text'] + '\r').encode())
os.kill(pid, signal.SIGKILL)

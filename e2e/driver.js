// What the drivers share: commands come in as JSON lines on the standard
// input, events go out as JSON lines on the standard output. A driver hands in
// its commands as functions; the process ends when the input does.
import { createInterface } from 'node:readline';
import { Console } from 'node:console';

// Libraries log to the console; the standard output is for events only.
globalThis.console = new Console(process.stderr, process.stderr);

export function emit(event, data = {}) {
    process.stdout.write(JSON.stringify({ event, ...data }) + '\n');
}

export function drive(commands) {
    const input = createInterface({ input: process.stdin });
    input.on('line', async (line) => {
        const { do: name, ...args } = JSON.parse(line);
        try {
            await commands[name](args);
        } catch (err) {
            emit('error', { text: `${name}: ${describe(err)}` });
        }
    });
    input.on('close', () => process.exit(0));
    for (const kind of ['uncaughtException', 'unhandledRejection']) {
        process.on(kind, (err) => emit('error', { text: `${kind}: ${describe(err)}` }));
    }
    emit('ready');
}

export function describe(err) {
    if (err instanceof Error) return err.stack || `${err.name}: ${err.message}`;
    return typeof err === 'string' ? err : JSON.stringify(err);
}

// Session tells 'online' from 'reconnected' and an end that was asked for from one that was not.
export class Session {
    #was = false;
    #closing = false;

    online(jid) {
        emit(this.#was ? 'reconnected' : 'online', { jid });
        this.#was = true;
    }

    get closing() {
        return this.#closing;
    }

    close() {
        this.#closing = true;
    }

    offline() {
        emit(this.#closing ? 'closed' : 'disconnected');
    }
}

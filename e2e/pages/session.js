// As in ../driver.js, for a page.
export const emit = (event, data = {}) => void window.driverEmit(event, data);

export class Session {
    #was = false;
    closing = false;

    online(jid) {
        emit(this.#was ? 'reconnected' : 'online', { jid });
        this.#was = true;
    }

    close() {
        this.closing = true;
    }

    offline() {
        emit(this.closing ? 'closed' : 'disconnected');
    }
}

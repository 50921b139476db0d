import { byId } from './dom.js';

/** Older messages leave the page when there are more. */
const MAX_SHOWN = 500;

/** Shows the chat until `leave`; everything that came from others is set as text, never as markup. */
export class ChatView {
  readonly #section = byId('chat', HTMLElement);
  readonly #list = byId('messages', HTMLOListElement);
  readonly #empty = byId('empty', HTMLElement);
  readonly #input = byId('text', HTMLInputElement);
  readonly #notice = byId('notice', HTMLElement);
  readonly #stay = byId('stay', HTMLButtonElement);
  #me = '';

  constructor(actions: {
    readonly say: (text: string) => void;
    readonly stay: () => void;
    readonly logout: () => void;
  }) {
    byId('logout', HTMLButtonElement).addEventListener('click', () => actions.logout());
    this.#stay.addEventListener('click', () => actions.stay());
    byId('say', HTMLFormElement).addEventListener('submit', (event) => {
      event.preventDefault();
      const text = this.#input.value.trim();
      if (text === '') return;
      actions.say(text);
      this.#input.value = '';
    });
  }

  enter(username: string): void {
    this.#me = username;
    byId('me', HTMLElement).textContent = username;
    this.#list.replaceChildren();
    this.#empty.hidden = false;
    this.#section.hidden = false;
    this.#input.focus();
  }

  leave(): void {
    this.#section.hidden = true;
    this.notice('');
    this.#input.value = '';
    this.#list.replaceChildren();
  }

  /** Says something about the connection, above the messages; nothing with an empty text. */
  notice(text: string, offersToStay = false): void {
    // Whoever used the button goes on writing.
    if (!offersToStay && document.activeElement === this.#stay) this.#input.focus();
    byId('notice-text', HTMLElement).textContent = text;
    this.#notice.hidden = text === '';
    this.#stay.hidden = !offersToStay;
  }

  /** The limit that the notice offered to put off is put off. */
  stayed(): void {
    if (!this.#stay.hidden) this.notice('');
  }

  /** A text frame of the chat: `username: text`. A username has no spaces. */
  show(frame: string, at: Date = new Date()): void {
    const end = frame.indexOf(': ');
    if (end < 1) return;
    const who = frame.slice(0, end);
    const item = document.createElement('li');
    item.classList.toggle('own', who === this.#me);
    const head = document.createElement('div');
    head.append(part('span', 'who', who), timeOf(at));
    item.append(head, part('div', 'text', frame.slice(end + 2)));

    const atEnd = this.#list.scrollHeight - this.#list.scrollTop - this.#list.clientHeight < 80;
    this.#list.append(item);
    while (this.#list.childElementCount > MAX_SHOWN) this.#list.firstElementChild?.remove();
    this.#empty.hidden = true;
    if (atEnd || who === this.#me) this.#list.scrollTop = this.#list.scrollHeight;
  }
}

function part(tag: 'span' | 'div', className: string, text: string): HTMLElement {
  const element = document.createElement(tag);
  element.className = className;
  element.textContent = text;
  element.dir = 'auto';
  return element;
}

function timeOf(at: Date): HTMLTimeElement {
  const time = document.createElement('time');
  time.dateTime = at.toISOString();
  time.textContent = at.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
  return time;
}

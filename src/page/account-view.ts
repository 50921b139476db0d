import { BlindsaltError, type RegistrationPolicy } from '../../proto/index.js';
import { byId } from './dom.js';
import { wordsFor } from './words.js';

export interface Credentials {
  readonly username: string;
  readonly password: string;
}
export interface NewAccount extends Credentials {
  /** Invite or reset code; empty for none. */
  readonly invite: string;
}

export interface AccountActions {
  login(credentials: Credentials): Promise<void>;
  signup(account: NewAccount): Promise<void>;
}

type Which = 'login' | 'signup';

/** The forms to log in and to sign up. One attempt at a time; passwords are forgotten after each. */
export class AccountView {
  readonly #section = byId('account', HTMLElement);
  readonly #problem = byId('problem', HTMLElement);
  readonly #progress = byId('progress', HTMLElement);
  readonly #progressText = byId('progress-text', HTMLElement);
  readonly #actions: AccountActions;
  #busy = false;

  constructor(registration: RegistrationPolicy, actions: AccountActions) {
    this.#actions = actions;
    this.#wireTabs();
    for (const box of document.querySelectorAll<HTMLInputElement>('input[data-shows]')) {
      box.addEventListener('change', () => showPasswords(box));
    }
    byId('signup-closed', HTMLElement).hidden = registration !== 'closed';
    byId('signup-code', HTMLDetailsElement).open = registration !== 'open';
    byId('signup-invite', HTMLInputElement).required = registration !== 'open';
    for (const which of ['login', 'signup'] as const) {
      byId(which, HTMLFormElement).addEventListener('submit', (event) => {
        event.preventDefault();
        void this.#attempt(which);
      });
    }
  }

  /** Shows the forms, with words on why if there is something to say. */
  enter(problem = ''): void {
    this.#section.hidden = false;
    this.#select('login');
    this.#problem.textContent = problem;
    field('login', 'username').focus();
  }

  leave(): void {
    this.#section.hidden = true;
  }

  /** What is happening now, in a few words. */
  progress(words: string): void {
    if (!this.#busy) return;
    this.#progressText.textContent = words;
    this.#progressText.scrollIntoView({ block: 'nearest' });
  }

  async #attempt(which: Which): Promise<void> {
    if (this.#busy) return;
    this.#problem.textContent = '';
    markAllValid();
    const missing = inputs(which).find((input) => input.required && input.value === '');
    if (missing !== undefined) return this.#refuse(missing, `${labelOf(missing)} is missing.`);
    const username = field(which, 'username').value;
    const password = field(which, 'password').value;
    if (which === 'signup' && field('signup', 'repeat').value !== password) {
      return this.#refuse(field('signup', 'repeat'), 'The two passwords are not the same.');
    }
    this.#setBusy(true);
    try {
      if (which === 'login') await this.#actions.login({ username, password });
      else await this.#actions.signup({ username, password, invite: field('signup', 'invite').value.trim() });
      clearPasswords();
      field('signup', 'invite').value = '';
      field('login', 'username').value = username;
    } catch (error) {
      this.#tell(which, error);
    } finally {
      this.#setBusy(false);
    }
  }

  #tell(which: Which, error: unknown): void {
    const code = error instanceof BlindsaltError ? error.code : undefined;
    if (which === 'login') field('login', 'password').value = '';
    const words = wordsFor(error);
    if (code === 'username-invalid' || code === 'username-taken') return this.#refuse(field(which, 'username'), words);
    if (code === 'password-invalid') return this.#refuse(field(which, 'password'), words);
    if (code === 'login-failed') return this.#refuse(field(which, 'password'), words);
    if (code === 'invite-invalid') {
      byId('signup-code', HTMLDetailsElement).open = true;
      return this.#refuse(field('signup', 'invite'), words);
    }
    this.#say(words);
  }

  /** Where the form is longer than the screen, the words must not be below it. */
  #say(words: string): void {
    this.#problem.textContent = words;
    this.#problem.scrollIntoView({ block: 'nearest' });
  }

  #refuse(input: HTMLInputElement, words: string): void {
    this.#setBusy(false);
    input.setAttribute('aria-invalid', 'true');
    input.setAttribute('aria-errormessage', this.#problem.id);
    input.focus();
    this.#say(words);
  }

  #setBusy(busy: boolean): void {
    this.#busy = busy;
    this.#progress.hidden = !busy;
    this.#progressText.textContent = '';
    for (const control of this.#section.querySelectorAll<HTMLInputElement | HTMLButtonElement>('input, button')) {
      control.disabled = busy;
    }
    if (busy) this.#progressText.scrollIntoView({ block: 'nearest' });
  }

  #wireTabs(): void {
    const tabs: readonly Which[] = ['login', 'signup'];
    for (const which of tabs) {
      const tab = byId(`tab-${which}`, HTMLButtonElement);
      tab.addEventListener('click', () => this.#select(which));
      tab.addEventListener('keydown', (event) => {
        if (event.key !== 'ArrowLeft' && event.key !== 'ArrowRight') return;
        const other = which === 'login' ? 'signup' : 'login';
        this.#select(other);
        byId(`tab-${other}`, HTMLButtonElement).focus();
      });
    }
  }

  #select(which: Which): void {
    this.#problem.textContent = '';
    markAllValid();
    for (const each of ['login', 'signup'] as const) {
      const tab = byId(`tab-${each}`, HTMLButtonElement);
      tab.setAttribute('aria-selected', String(each === which));
      tab.tabIndex = each === which ? 0 : -1;
      byId(`panel-${each}`, HTMLElement).hidden = each !== which;
    }
  }
}

function field(which: Which, name: string): HTMLInputElement {
  return byId(`${which}-${name}`, HTMLInputElement);
}

function inputs(which: Which): readonly HTMLInputElement[] {
  return [...byId(which, HTMLFormElement).querySelectorAll<HTMLInputElement>('.field input')];
}

function markAllValid(): void {
  for (const input of [...inputs('login'), ...inputs('signup')]) {
    input.removeAttribute('aria-invalid');
    input.removeAttribute('aria-errormessage');
  }
}

function labelOf(input: HTMLInputElement): string {
  return input.labels?.[0]?.textContent.trim() ?? input.name;
}

function showPasswords(box: HTMLInputElement): void {
  for (const id of box.dataset['shows']!.split(' '))
    byId(id, HTMLInputElement).type = box.checked ? 'text' : 'password';
}

function clearPasswords(): void {
  for (const id of ['login-password', 'signup-password', 'signup-repeat']) byId(id, HTMLInputElement).value = '';
  for (const box of document.querySelectorAll<HTMLInputElement>('input[data-shows]')) {
    box.checked = false;
    showPasswords(box);
  }
}

import type { Note } from './audit/events.js';
import {
  baseOf,
  noteOfBegin,
  noteOfDelete,
  noteOfEnd,
  noteOfReplace,
  noteOfRotate,
  type Origin,
} from './audit/notes.js';
import type { Answer, Question } from './steps.js';
import type { Store } from './store.js';

/** For whom the store is asked, and what becomes of the notes about it. */
export interface Noting {
  readonly origin: Origin;
  readonly noted: <T>(note: Note<T>) => Note<T>;
}

const UNNOTED: Noting = { origin: { connectionId: 'none', addressPrefix: 'unknown' }, noted: () => () => [] };

/** Asks the store what a connection wants to know or done about sessions. */
export async function answerOfSessions(
  store: Store,
  question: Exclude<Question, { readonly ask: 'login' | 'code' | 'create' }>,
  { origin, noted }: Noting = UNNOTED,
): Promise<Answer> {
  const base = baseOf(origin);
  switch (question.ask) {
    case 'begin': {
      const note = noted(noteOfBegin(question, base, origin.isAfterSignup === true));
      return { to: 'begin', outcome: await store.beginSession(question.session, question.policy, note) };
    }
    case 'rotate':
      return {
        to: 'rotate',
        outcome: await store.rotateTicket(question.rotation, noted(noteOfRotate(question, base))),
      };
    case 'replace': {
      const note = noted(noteOfReplace(question, base));
      return { to: 'replace', outcome: await store.replaceRecordAndRenew(question.replacement, note) };
    }
    case 'sessions':
      return { to: 'sessions', sessions: await store.listSessions(question.userId, question.nowMs) };
    case 'end':
      return { to: 'end', ended: await store.endSessions(question.which, noted(noteOfEnd(question, base))) };
    case 'delete': {
      const { userId, nowMs } = question;
      const { length: count } = await store.listSessions(userId, nowMs);
      await store.deleteUser(userId, noted(noteOfDelete(question, base)));
      return { to: 'delete', count };
    }
  }
}

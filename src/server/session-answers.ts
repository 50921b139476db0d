import type { Answer, Question } from './steps.js';
import type { Store } from './store.js';

/** Asks the store what a connection wants to know or done about sessions. */
export async function answerOfSessions(
  store: Store,
  question: Exclude<Question, { readonly ask: 'login' | 'code' | 'create' }>,
): Promise<Answer> {
  switch (question.ask) {
    case 'begin':
      return { to: 'begin', outcome: await store.beginSession(question.session, question.policy) };
    case 'rotate':
      return { to: 'rotate', outcome: await store.rotateTicket(question.rotation) };
    case 'replace':
      return { to: 'replace', outcome: await store.replaceRecordAndRenew(question.replacement) };
    case 'sessions':
      return { to: 'sessions', sessions: await store.listSessions(question.userId, question.nowMs) };
    case 'end':
      return { to: 'end', ended: await store.endSessions(question.which) };
    case 'delete': {
      const { userId, nowMs } = question;
      const { length: count } = await store.listSessions(userId, nowMs);
      await store.deleteUser(userId);
      return { to: 'delete', count };
    }
  }
}

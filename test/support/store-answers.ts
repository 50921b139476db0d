import { answerOfSessions } from '../../src/server/session-answers.js';
import type { Answer, Question } from '../../src/server/steps.js';
import type { Store } from '../../src/server/store.js';

/** What a store answers to a connection's question, for tests that step a connection themselves. */
export async function storeAnswer(store: Store, question: Question): Promise<Answer> {
  switch (question.ask) {
    case 'login':
      return {
        to: 'login',
        row: await store.getUserOrDecoy(question.username),
        shares: await store.profileShares(1),
      };
    case 'code':
      return { to: 'code', kind: await store.findCode(question.use, question.username) };
    case 'create':
      return { to: 'create', outcome: await store.createUserIfAbsent(question.user, question.code) };
    default:
      return answerOfSessions(store, question);
  }
}

import type { AuditEvent } from './audit/events.js';
import type { Question } from './steps.js';

/** Of whom a connection has asked the store last: for the record of what is refused after that, until `welcome`. */
export interface Asked {
  readonly attempt: AuditEvent['attempt'];
  /** An account was made or registered anew. */
  readonly isSignup: boolean;
  readonly userId: Uint8Array | undefined;
  readonly sessionId: Uint8Array | undefined;
}

/** What is known after one more question. */
export function askedAfter(before: Asked | undefined, question: Question): Asked | undefined {
  switch (question.ask) {
    case 'login':
      return asked('login');
    case 'code':
      return asked('signup');
    case 'create':
      return asked('signup', true);
    case 'begin':
      return asked(before?.attempt, before?.isSignup, question.session.userId);
    case 'rotate':
      return asked('resume', false, undefined, question.rotation.sessionId);
    default:
      return before;
  }
}

function asked(attempt: Asked['attempt'], isSignup = false, userId?: Uint8Array, sessionId?: Uint8Array): Asked {
  return { attempt, isSignup, userId, sessionId };
}

import { BlindsaltError } from '../../proto/index.js';
import type { Session } from './session.js';

/** For each action the roles that may do it; `true`: every session. */
export type AuthorizationRules<Action extends string = string> = Readonly<Record<Action, readonly string[] | true>>;

/**
 * Decides by the session's roles of the moment, one message at a time. What no rule names is denied, whatever the rules'
 * prototypes say.
 * @throws BlindsaltError `option-invalid` for rules that are neither lists of texts nor `true`
 */
export function createAuthorizer<Action extends string>(
  rules: AuthorizationRules<Action>,
): (session: Pick<Session, 'roles'>, action: string) => boolean {
  const allowed = new Map<string, ReadonlySet<string> | true>();
  for (const [action, roles] of Object.entries<readonly string[] | true>(rules)) {
    const isList = Array.isArray(roles) && roles.every((role) => typeof role === 'string');
    if (roles !== true && !isList) {
      throw new BlindsaltError(
        'option-invalid',
        `the rule for ${JSON.stringify(action)} must be a list of roles or true`,
      );
    }
    allowed.set(action, roles === true || new Set(roles));
  }
  return (session, action) => {
    const roles = allowed.get(action);
    return roles === true || (roles !== undefined && session.roles.some((role) => roles.has(role)));
  };
}

import { Failure } from '../../case.js';
import { ResumeChain, type Need, type ServerContext } from '../context.js';
import { define, type ServerCase } from '../define.js';
import { OrderRun, ordersFrom, type Move } from '../orders.js';

const machine = define('state machine');
const LENGTH = 4;

function movesWithout(context: ServerContext): Set<Move> {
  const without = new Set<Move>();
  if (context.missing('open-registration') !== undefined) without.add('signup-start');
  if (context.missing('sessions') !== undefined) {
    for (const move of ['resume', 'refresh', 'step-up-start', 'sessions-list'] as const) without.add(move);
  }
  if ((context.limit('starts') ?? LENGTH) < LENGTH) throw new Error(`hello allows fewer than ${LENGTH} start messages`);
  return without;
}

/** All orders that begin so. */
function orders(
  id: string,
  title: string,
  needs: readonly Need[],
  ...beginnings: readonly (readonly Move[])[]
): ServerCase {
  return machine(
    id,
    '10',
    title,
    ['accounts', ...needs],
    async (context, trial) => {
      const without = movesWithout(context);
      const account = await context.account('machine', trial);
      const resumable = without.has('resume') ? undefined : await context.account('machine-resuming', trial);
      let chain: ResumeChain | undefined;
      const all = beginnings.flatMap((first) => ordersFrom(first, { length: LENGTH, without }));
      const wrong: Failure[] = [];
      for (const order of all) {
        // An order may end the session.
        if (resumable !== undefined) chain ??= await ResumeChain.begin(context, trial, resumable);
        try {
          await new OrderRun(context, trial, account, chain).run(order);
        } catch (error) {
          if (!(error instanceof Failure)) throw error;
          wrong.push(error);
          chain = undefined;
        }
        if (order.includes('resume')) chain = order.at(-1) === 'logout' ? undefined : chain;
        if (wrong.length >= MAX_WRONG) break;
      }
      if (wrong.length > 1) trial.note(`${wrong.length} orders of ${all.length} went wrong; the first is shown`);
      if (wrong.length > 0) throw wrong[0]!;
      trial.note(`${all.length} orders`);
    },
    { timeoutMs: 180_000 },
  );
}
/** More would tell no more, and each may take as long as an answer may. */
const MAX_WRONG = 3;

export const machineCases: readonly ServerCase[] = [
  orders(
    'orders-that-close',
    'what may not come first closes the connection',
    [],
    ['signup-finish'],
    ['login-finish'],
    ['login-finish-wrong'],
    ['resume-wrong'],
    ['application'],
    ['refresh'],
    ['step-up-finish'],
  ),
  orders(
    'orders-signup-finish',
    'all orders after signup-start, signup-finish',
    ['open-registration'],
    ['signup-start', 'signup-finish'],
  ),
  orders(
    'orders-signup-other',
    'all orders after signup-start and no finish',
    ['open-registration'],
    ['signup-start', 'signup-start'],
    ['signup-start', 'login-start'],
    ['signup-start', 'login-finish'],
    ['signup-start', 'login-finish-wrong'],
    ['signup-start', 'resume-wrong'],
    ['signup-start', 'application'],
    ['signup-start', 'refresh'],
    ['signup-start', 'step-up-finish'],
  ),
  orders('orders-login-finish', 'all orders after login-start, login-finish', [], ['login-start', 'login-finish']),
  orders('orders-login-failed', 'all orders after a failed login', [], ['login-start', 'login-finish-wrong']),
  orders(
    'orders-login-other',
    'all orders after login-start and no finish',
    [],
    ['login-start', 'login-start'],
    ['login-start', 'signup-finish'],
    ['login-start', 'resume-wrong'],
    ['login-start', 'application'],
    ['login-start', 'refresh'],
    ['login-start', 'step-up-finish'],
  ),
  orders(
    'orders-login-signup',
    'all orders after login-start, signup-start',
    ['open-registration'],
    ['login-start', 'signup-start'],
  ),
  orders('orders-challenge-resume', 'resume beside an outstanding challenge', ['sessions'], ['login-start', 'resume']),
  orders('orders-resume-refresh', 'all orders after resume, refresh', ['sessions'], ['resume', 'refresh']),
  orders('orders-resume-list', 'all orders after resume, sessions-list', ['sessions'], ['resume', 'sessions-list']),
  orders('orders-resume-step-up', 'all orders after resume, step-up-start', ['sessions'], ['resume', 'step-up-start']),
  orders(
    'orders-resume-application',
    'all orders after resume, an application message',
    ['sessions'],
    ['resume', 'application'],
  ),
  orders('orders-resume-revoke', 'all orders after resume, revoke', ['sessions'], ['resume', 'revoke-unknown']),
  orders(
    'orders-resume-other',
    'all orders after resume and a message that closes',
    ['sessions'],
    ['resume', 'step-up-finish'],
    ['resume', 're-register-finish'],
    ['resume', 'login-start'],
    ['resume', 'login-finish'],
    ['resume', 'resume'],
    ['resume', 'logout'],
  ),
];

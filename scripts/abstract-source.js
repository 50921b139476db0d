// AssemblyScript for the machine of abstract-integers.js: each operator, cast, load, store and branch becomes a call of it.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

// Twice as fast as importing it.
const ts = createRequire(import.meta.url)('typescript');
export { ts };

/**
 * Runs `check` with a function that reads files of assembly/ and gives their text, one after the other. `--assembly DIR`,
 * which may be repeated, takes other sources, for the test that breaks them. Exits with 1 when a check throws.
 */
export function checkSources(check) {
  const { values } = parseArgs({ options: { assembly: { type: 'string', multiple: true } } });
  for (const folder of values.assembly ?? [fileURLToPath(new URL('../assembly', import.meta.url))]) {
    try {
      check((...names) => names.map((name) => readFileSync(path.join(folder, name), 'utf8')).join('\n'));
    } catch (error) {
      process.stderr.write(`${folder}: ${error}\n`);
      process.exitCode = 1;
    }
  }
}

/** The functions and constants of a source. */
export const namesIn = (source) =>
  [...source.matchAll(/^(?:export )?(?:function|const) (\w+)/gm)].map(([, name]) => name);

const COMPARISONS = new Set(['==', '!=', '<', '>=', '<=', '>']);
const INTRINSICS = new Set(['load', 'store', 'min', 'i32']);

/** JavaScript that computes with a machine, called `$`, what the AssemblyScript computes. */
function rewrite(source) {
  const file = ts.createSourceFile('a.ts', source, ts.ScriptTarget.ES2022, true);
  const own = new Set(file.statements.filter(ts.isFunctionDeclaration).map((f) => f.name.text));
  const { factory: f } = ts;
  const on = (name, ...args) =>
    f.createCallExpression(f.createPropertyAccessExpression(f.createIdentifier('$'), name), undefined, args);
  const text = (node) => f.createStringLiteral(node.getText(file));
  const transformer = (context) => (root) => {
    const condition = (node, of) => on('truth', node, text(of));
    const visit = (node) => {
      const next = () => ts.visitEachChild(node, visit, context);
      if (ts.isBinaryExpression(node)) {
        const operator = node.operatorToken.getText(file);
        const [left, right] = [ts.visitNode(node.left, visit), ts.visitNode(node.right, visit)];
        if (operator === '=') return f.createAssignment(left, right);
        if (operator === '&&' || operator === '||') {
          return f.createBinaryExpression(condition(left, node.left), node.operatorToken, condition(right, node.right));
        }
        if (COMPARISONS.has(operator)) return on('compare', f.createStringLiteral(operator), left, right, text(node));
        const plain = operator.endsWith('=') ? operator.slice(0, -1) : operator;
        const result = on('binary', f.createStringLiteral(plain), left, right, text(node));
        return plain === operator ? result : f.createAssignment(left, result);
      }
      if (ts.isTypeAssertionExpression(node)) {
        return on(
          'cast',
          f.createStringLiteral(node.type.getText(file)),
          ts.visitNode(node.expression, visit),
          text(node),
        );
      }
      if (ts.isPrefixUnaryExpression(node) || ts.isPostfixUnaryExpression(node)) {
        const operand = ts.visitNode(node.operand, visit);
        if (node.operator === ts.SyntaxKind.PlusPlusToken || node.operator === ts.SyntaxKind.MinusMinusToken) {
          const sign = node.operator === ts.SyntaxKind.PlusPlusToken ? '+' : '-';
          return f.createAssignment(
            operand,
            on('binary', f.createStringLiteral(sign), operand, f.createNumericLiteral(1), text(node)),
          );
        }
        if (node.operator === ts.SyntaxKind.MinusToken) return on('negate', operand);
        return f.createLogicalNot(condition(operand, node.operand));
      }
      if (ts.isNumericLiteral(node)) return on('literal', f.createBigIntLiteral(`${BigInt(node.text)}n`));
      if (ts.isVariableDeclaration(node) && node.initializer && node.type) {
        const type = f.createStringLiteral(node.type.getText(file));
        return f.createVariableDeclaration(
          node.name,
          undefined,
          undefined,
          on('declare', type, ts.visitNode(node.initializer, visit), text(node)),
        );
      }
      if (ts.isCallExpression(node)) {
        const args = node.arguments.map((argument) => ts.visitNode(argument, visit));
        const name = node.expression.getText(file);
        const type = node.typeArguments?.[0]?.getText(file);
        if (INTRINSICS.has(name) || name === 'memory.data') {
          return on(name.replace('memory.', ''), type ? f.createStringLiteral(type) : f.createNull(), ...args);
        }
        if (name.startsWith('memory.')) return on(name.slice(7), ...args);
        if (own.has(name))
          return on('call', f.createStringLiteral(name), node.expression, f.createArrayLiteralExpression(args));
        return f.updateCallExpression(node, node.expression, undefined, args);
      }
      if (ts.isIfStatement(node)) {
        const then = ts.visitNode(node.thenStatement, visit);
        const otherwise = node.elseStatement && ts.visitNode(node.elseStatement, visit);
        return f.updateIfStatement(
          node,
          condition(ts.visitNode(node.expression, visit), node.expression),
          then,
          otherwise,
        );
      }
      if (ts.isConditionalExpression(node)) {
        const [test, yes, no] = [node.condition, node.whenTrue, node.whenFalse].map((part) =>
          ts.visitNode(part, visit),
        );
        return f.createConditionalExpression(condition(test, node.condition), undefined, yes, undefined, no);
      }
      return next();
    };
    return ts.visitNode(root, visit);
  };
  const { outputText } = ts.transpileModule(source, {
    compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext },
    transformers: { before: [(context) => (root) => transformer(context)(root)] },
  });
  return outputText;
}

/** Runs AssemblyScript `source` (imports and decorators taken out, all in one) on a machine; gives what `names` are. */
export function evaluate(source, machine, names) {
  const plain = source
    .replace(/^(?:import|export) (?:\* as \w+|\{[^}]*\}) from .*$/gm, '')
    .replace(/^export /gm, '')
    .replaceAll('@inline', '');
  const code = rewrite(plain);
  return new Function('$', `${code}\nreturn { ${names.join(', ')} };`)(machine);
}

/** What an expression's value can hang on. */

/** False for what holds no variable: Cedar works that out once. */
export function readsSomething(expression: unknown): boolean {
  const open: unknown[] = [expression]
  for (let value = open.pop(); value !== undefined; value = open.pop()) {
    if (!value || typeof value !== 'object') continue
    if ('Var' in value) return true
    open.push(...Object.values(value))
  }
  return false
}

/** Tests that types alone cannot settle; all others are left to Cedar's typechecker. */
const OF_VALUES = ['<', '<=', '>', '>=', 'contains', 'containsAll', 'containsAny', 'isEmpty', 'like', '.', 'getTag']

/** True when types alone can never make this hold always, so that there is nothing to prove. */
export function hangsOnValues(expression: unknown): boolean {
  const [[operator, operands] = []] = Object.entries((expression ?? {}) as Record<string, unknown>)
  if (operator === undefined) return false
  const { left, right } = (operands ?? {}) as { left?: unknown; right?: unknown }
  if (operator === '&&') return hangsOnValues(left) || hangsOnValues(right)
  if (operator === '||') return hangsOnValues(left) && hangsOnValues(right)
  if (operator === '==') return ![left, right].some(isAction) && [left, right].some(readsSomething)
  return OF_VALUES.includes(operator)
}

const isAction = (expression: unknown): boolean => (expression as { Var?: unknown } | undefined)?.Var === 'action'

import { Hono } from 'hono'
import type { PagesParts } from './pages.ts'
import type { Env } from './session.ts'

export function delegatePages(_parts: PagesParts): Hono<Env> {
  return new Hono<Env>()
}

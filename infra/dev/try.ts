import { startStack } from '/work/main/infra/dev/stack.ts'
import { mkdtempSync } from 'node:fs'
const names = process.argv.slice(2) as never[]
const folder = mkdtempSync('/tmp/cst-')
console.log(folder)
const t = Date.now()
const stack = await startStack({ folder, services: names, progress: (l) => console.log(l, Date.now() - t) })
console.log('up', Date.now() - t)
const r = await fetch(stack.issuer + '/.well-known/oauth-authorization-server').catch((e) => e)
console.log(r.status, await r.text?.())
await stack.stop()
console.log('down', Date.now() - t)

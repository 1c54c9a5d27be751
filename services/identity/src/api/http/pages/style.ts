/** The one style sheet of our pages: no image, no font, no script is ever fetched. */
export const STYLE = `
:root { color-scheme: light dark;
  --paper: #fcfbf8; --card: #f4f1ea; --ink: #1b2330; --soft: #525b69; --line: #7d8490; --hair: #dcd7cb;
  --accent: #0b5563; --on-accent: #ffffff; --bad: #9b1c28; --bad-card: #fbeceb; --good-card: #e6f2ec; --mark: #fde9a9 }
@media (prefers-color-scheme: dark) { :root {
  --paper: #14171c; --card: #1d2229; --ink: #ebe9e3; --soft: #b1b6bf; --line: #868d99; --hair: #343b46;
  --accent: #7fd0dc; --on-accent: #0c1a1d; --bad: #ffa7a3; --bad-card: #331c1e; --good-card: #16291f; --mark: #5c4a10 } }
*, ::before, ::after { box-sizing: border-box }
html { font-size: 106.25%; -webkit-text-size-adjust: none; text-size-adjust: none; scroll-padding: 1.5rem }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 1rem/1.55 -apple-system, BlinkMacSystemFont, 'Segoe UI', Roboto, 'Helvetica Neue', 'Liberation Sans', Arial, system-ui, sans-serif;
  overflow-wrap: anywhere }
h1, h2, h3, p, ul, ol, dl, dd, figure, blockquote, fieldset { margin: 0; padding: 0; border: 0; min-width: 0 }
h1, h2, h3 { line-height: 1.25; letter-spacing: -.01em; text-wrap: balance }
h1 { font-size: clamp(1.4rem, 1.1rem + 1.4vw, 1.85rem); font-weight: 640; margin-bottom: .75rem }
h1 strong { font-weight: inherit; color: var(--accent) }
fieldset.big { margin-top: 2.25rem }
h2, legend.section { font-size: 1.12rem; font-weight: 640; margin: 2.25rem 0 .6rem; padding: 0 }
legend.section { margin-top: 0 }
h3 { font-size: 1rem; font-weight: 640; margin: 0 0 .35rem }
p + p, p + ul, p + ol, ul + p, dl + p { margin-top: .75rem }
ul.plain, ol.plain { list-style: none }
main ul:not(.plain), main ol:not(.plain) { padding-left: 1.25rem }
li + li { margin-top: .3rem }
a { color: var(--accent); text-underline-offset: .18em; text-decoration-thickness: from-font }
a:hover { text-decoration-thickness: 2px }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 3px; border-radius: 3px }
code, .value { font-family: ui-monospace, 'SF Mono', Menlo, Consolas, 'DejaVu Sans Mono', monospace; font-size: .9em }
bdi { unicode-bidi: isolate }
h1 .whole, p .whole { display: inline-block; max-width: 100% }
small, .small { font-size: .875rem }
.soft { color: var(--soft) }
.skip { position: absolute; left: 1rem; top: -5rem; padding: .5rem 1rem; background: var(--paper); z-index: 1 }
.skip:focus { top: .5rem }
header.top { border-bottom: 1px solid var(--hair) }
header.top > div { max-width: 64rem; margin: 0 auto; padding: .65rem 1.25rem; display: flex; flex-wrap: wrap; gap: .35rem 1.5rem; align-items: center }
.brand { font-weight: 680; letter-spacing: -.01em; text-decoration: none; color: inherit; padding: .35rem 0 }
header.top nav ul { display: flex; flex-wrap: wrap; gap: 0 1.1rem }
header.top nav li { margin: 0 }
header.top nav a { display: inline-block; padding: .35rem 0; color: inherit; text-decoration: none }
header.top nav a:hover { text-decoration: underline }
header.top nav a[aria-current] { font-weight: 640; box-shadow: 0 2px 0 var(--accent) }
.who { margin-left: auto; display: flex; flex-wrap: wrap; gap: .25rem .9rem; align-items: center; font-size: .9rem }
main { max-width: 44rem; margin: 0 auto; padding: 2.25rem 1.25rem 4rem; outline: none }
main.wide { max-width: 64rem }
.lead { font-size: 1.06rem; max-width: 40rem }
form { margin: 0 }
label { display: block; font-weight: 600 }
.field { margin-top: 1.35rem }
.hint { color: var(--soft); font-size: .92rem; margin-top: .1rem; font-weight: 400 }
input:not([type=checkbox], [type=radio], [type=hidden]), select, textarea { font: inherit; color: inherit; background: var(--paper); width: 100%; max-width: 30rem;
  border: 1px solid var(--line); border-radius: .35rem; padding: .55rem .7rem; margin-top: .35rem; min-height: 2.75rem }
textarea { min-height: 5.5rem; resize: vertical; display: block }
textarea, .under input { max-width: 100% }
input.code { font: 640 1.5rem/1.2 ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace; letter-spacing: .12em; max-width: 14rem; text-transform: uppercase }
input[type=checkbox], input[type=radio] { width: 1.2rem; height: 1.2rem; margin: .2rem 0 0; accent-color: var(--accent); flex: none }
.tick { display: flex; gap: .65rem; align-items: flex-start; padding: .3rem 0 }
.tick label { font-weight: 400 }
.pair { display: grid; gap: 0 1.25rem; grid-template-columns: repeat(auto-fit, minmax(min(15rem, 100%), 1fr)) }
[aria-invalid=true] { border-color: var(--bad) !important; border-width: 2px !important }
.error { color: var(--bad); font-weight: 600; margin-top: .3rem }
button, .button { font: inherit; font-weight: 640; line-height: 1.2; display: inline-block; text-align: center; text-decoration: none; cursor: pointer;
  min-height: 2.9rem; padding: .75rem 1.3rem; border-radius: .4rem; border: 2px solid var(--accent); color: var(--on-accent); background: var(--accent) }
button.second, .button.second { background: transparent; color: var(--accent) }
button.stop { border-color: var(--bad); background: transparent; color: var(--bad) }
button.link { border: 0; background: none; color: var(--accent); padding: .35rem 0; min-height: 0; font-weight: 400; font-size: inherit; text-decoration: underline; text-underline-offset: .18em }
button:hover, .button:hover { filter: brightness(1.08) }
.actions { display: flex; flex-wrap: wrap; gap: .75rem 1rem; align-items: center; margin-top: 1.75rem }
.notice { border-left: 4px solid var(--accent); background: var(--card); padding: .8rem 1rem; border-radius: 0 .35rem .35rem 0; margin: 0 0 1.5rem }
.notice.bad { border-color: var(--bad); background: var(--bad-card) }
.notice.good { background: var(--good-card) }
.card { background: var(--card); border-radius: .6rem; padding: 1.15rem 1.25rem }
fieldset.part { border: 1px solid var(--hair); border-radius: .6rem; padding: 1rem 1.15rem 1.15rem; margin-top: 1rem }
fieldset.part > legend { font-weight: 640; padding: 0 .4rem; margin-left: -.4rem }
.under { padding-left: 1.85rem }
.under .field { margin: .1rem 0 .6rem }
.under label { font-weight: 400; font-size: .92rem }
.field.section { margin-top: 2.25rem }
.field.section > label { font-size: 1.12rem; font-weight: 640 }
fieldset.group { margin-top: .9rem }
fieldset.group > legend { font-weight: 600; padding: 0 }
dl.facts { display: grid; grid-template-columns: 7.5rem minmax(0, 1fr); gap: .35rem 1.25rem }
dl.facts dt { color: var(--soft) }
ul.rows > li { border-top: 1px solid var(--hair); padding: 1.1rem 0; margin: 0 }
ul.rows > li:last-child { border-bottom: 1px solid var(--hair) }
.tag { display: inline-block; font-size: .82rem; font-weight: 600; border: 1px solid currentColor; border-radius: 1rem; padding: .05rem .6rem; color: var(--soft) }
.tag.live { color: var(--accent) }
ol.chain { list-style: none; padding: 0 !important }
ol.chain li { position: relative; padding-left: 1.5rem }
ol.chain li + li::before { content: '↳'; position: absolute; left: .2rem; color: var(--soft) }
details { margin-top: .9rem }
.card + .card, details + .card { margin-top: 1.75rem }
.permission + .permission { margin-top: .9rem }
summary { cursor: pointer; padding: .3rem 0; font-weight: 600; color: var(--accent) }
.asked { display: grid; grid-template-columns: minmax(0, 1fr); gap: 0 2.75rem }
.answer { align-self: start }
.answer h2, .card > h2:first-child { margin-top: 0 }
.answer .tick { margin-top: 1rem }
.answer .pairs { display: grid; gap: .85rem; grid-template-columns: repeat(auto-fit, minmax(min(9rem, 100%), 1fr)) }
.answer button { width: 100% }
@media (min-width: 58rem) {
  .asked { grid-template-columns: minmax(0, 1fr) 20rem }
  .asked > .what, .asked > .rest { grid-column: 1 }
  .answer { grid-column: 2; grid-row: 1 / span 3; position: sticky; top: 1.5rem }
  .answer .pairs { grid-template-columns: 1fr }
}
@media (max-width: 57.99rem) { .answer { margin-top: 1.25rem } }
.said { margin-top: 2.75rem; border-top: 1px solid var(--hair); padding-top: .25rem }
.said blockquote { margin-top: .8rem; border: 1px dashed var(--line); border-radius: .6rem; padding: .9rem 1.1rem; font-size: .95rem; line-height: 1.6; font-weight: 400;
  color: var(--soft); overflow: hidden; contain: content; unicode-bidi: isolate; direction: ltr; text-align: left }
mark { background: var(--mark); color: var(--ink); text-decoration: underline wavy; text-underline-offset: .2em }
footer { max-width: 64rem; margin: 0 auto; padding: 1.25rem; color: var(--soft); font-size: .875rem }
@media (max-width: 34rem) {
  dl.facts { grid-template-columns: 1fr; gap: 0 }
  dl.facts dd + dt { margin-top: .6rem }
  .who { margin-left: 0 }
  main { padding-top: 1.5rem }
}
@media (forced-colors: active) { .tag, .card, .notice, .said blockquote { margin-top: .8rem; border: 1px solid } }
@media print { header.top, .answer { display: none } }
`

// Label: rank the answers to a prompt by keys, clicks or drag, as InstructGPT's labelers did.

import { $, make, notice, call, Refusal } from './app.js'
import { t } from './words.js'

let labeler = ''
let item = null // {item, messages, responses}
let groups = [] // the ranking so far: groups of shown answers, best first; ties share a group
let scores = [] // a rating of 1 to 7 per answer, or null
let tie = false // does the next answer join the last group?
let progress = null
let sending = false

const ranked = () => groups.flat()

// --- the ranking

function take(i) {
  groups = groups.map(group => group.filter(j => j !== i)).filter(group => group.length)
}

// A number, or a click: the answer comes next, or goes back if it has a place.
function pick(i) {
  if (ranked().includes(i)) take(i)
  else if (tie && groups.length) groups.at(-1).push(i)
  else groups.push([i])
  tie = false
  show()
}

// A drag: `where` is before, after, with (a tie), last or none.
function put(i, where, target) {
  if (target === i) return
  take(i)
  const at = groups.findIndex(group => group.includes(target))
  if (where === 'with') groups[at].push(i)
  else if (where === 'before') groups.splice(at, 0, [i])
  else if (where === 'after') groups.splice(at + 1, 0, [i])
  else if (where === 'last') groups.push([i])
  show()
}

function card(i, place) {
  const text = item.responses[i]
  const rating = make('span', { class: 'rating', role: 'radiogroup', title: t('rating'),
    'aria-label': `${t('rating')} ${i + 1}` }, ...[1, 2, 3, 4, 5, 6, 7].map(n =>
    make('button', { type: 'button', role: 'radio', 'aria-checked': scores[i] === n,
      onclick: event => { event.stopPropagation(); rate(i, n) } }, n)))
  return make('div', { class: place ? 'card placed' : 'card', tabindex: 0, 'data-i': i,
    onpointerdown: event => grab(event, i) },
  make('kbd', {}, i + 1), make('p', text ? {} : { class: 'note' }, text || t('nothing')), rating)
}

function rate(i, n) {
  scores[i] = scores[i] === n ? null : n
  show()
}

function show() {
  const focused = document.activeElement.closest?.('.card')?.dataset.i
  const rest = item.responses.map((_, i) => i).filter(i => !ranked().includes(i))
  const rows = groups.map((group, n) => make('li',
    { class: group.length > 1 ? 'group tied' : 'group' }, make('span', { class: 'place' }, n + 1),
    make('div', {}, ...group.map(i => card(i, true)))))
  const next = make('li', { class: tie ? 'slot tie' : 'slot' }, tie ? '=' : groups.length + 1)
  const heading = (key, show) => show ? [make('li', { class: 'heading' }, t(key))] : []
  $('ranking').replaceChildren(...heading('ranked', true), ...rows, ...(rest.length ? [next] : []),
    ...heading('unranked', rest.length), ...rest.map(i => make('li', {}, card(i, false))))
  $('submit').disabled = rest.length > 0 || sending
  if (focused !== undefined) $('ranking').querySelector(`[data-i="${focused}"]`).focus()
}

// --- drag, with mouse, pen or finger

function grab(event, i) {
  if (event.button || event.target.closest('.rating')) return
  const held = event.currentTarget, { clientX: x, clientY: y } = event
  let dragged = false
  const found = event => {
    const under = document.elementFromPoint(event.clientX, event.clientY)
    if (under?.closest('.slot')) return { where: 'last', mark: under.closest('.slot') }
    const target = under?.closest('.card.placed')
    if (!target) return { where: 'none' }
    const box = target.getBoundingClientRect(), part = (event.clientY - box.top) / box.height
    return { where: part < 0.3 ? 'before' : part > 0.7 ? 'after' : 'with', mark: target,
      target: Number(target.dataset.i) }
  }
  const unmark = () => document.querySelectorAll('[data-drop]').forEach(e => delete e.dataset.drop)
  const move = event => {
    dragged ||= Math.hypot(event.clientX - x, event.clientY - y) > 6
    if (!dragged) return
    held.classList.add('held')
    held.style.transform = `translate(${event.clientX - x}px, ${event.clientY - y}px)`
    unmark()
    const { where, mark } = found(event)
    if (mark) mark.dataset.drop = where
  }
  const drop = event => {
    removeEventListener('pointermove', move)
    removeEventListener('pointerup', drop)
    removeEventListener('pointercancel', drop)
    unmark()
    held.classList.remove('held')
    held.style.transform = ''
    if (event.type === 'pointercancel') return
    const { where, target } = found(event)
    if (dragged) put(i, where, target)
    else pick(i)
  }
  addEventListener('pointermove', move)
  addEventListener('pointerup', drop)
  addEventListener('pointercancel', drop)
}

// --- keys

function key(event) {
  const busy = event.target.closest('input, textarea, select')
  if ($('label').hidden || $('desk').hidden || !item || busy || sending) return
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return
  if ('Enter '.includes(event.key) && event.target.closest('button, summary')) return
  const i = Number(event.key) - 1
  if (Number.isInteger(i) && i >= 0 && i < item.responses.length) pick(i)
  else if (event.key === '=' && groups.length) { tie = !tie; show() }
  else if (event.key === 'Backspace' && tie) { tie = false; show() }
  else if (event.key === 'Backspace' && groups.length) { take(groups.at(-1).at(-1)); show() }
  else if (event.key === 'Enter') submit()
  else if (event.code === 'KeyU') undo() // the same key under a Korean layout
  else if (event.key === ' ' && event.target.matches('.card')) pick(Number(event.target.dataset.i))
  else return
  event.preventDefault()
}

// --- the server

// Ask again until the server answers: it may be starting again. It keeps a judgement that it hears
// twice once, so nothing is lost and nothing doubled.
async function insist(path, body) {
  for (;;) {
    try {
      const reply = await (await call(path, body)).json()
      notice('')
      return reply
    } catch (error) {
      if (error instanceof Refusal) throw error
      notice(t('offline'))
      await new Promise(resolve => setTimeout(resolve, 1000))
    }
  }
}

function place(found) {
  item = found
  groups = found.ranking || []
  scores = found.scores || found.responses.map(() => null)
  tie = false
  progress = found.progress
  $('question').replaceChildren(...found.messages.map(m => make('p', { class: m.role }, m.content)))
  show()
  showProgress()
}

async function exchange(act, said) {
  if (sending) return
  document.activeElement.blur() // Enter is the next submission, not the same button again
  sending = true
  $('submit').disabled = $('undo').disabled = true
  try {
    await act()
    $('said').textContent = said
  } catch (error) {
    notice(`${t('failed')}: ${error.message}`)
    if (error.status === 409 && act === judge) await next().catch(() => {})
  } finally {
    sending = false
    $('undo').disabled = false
    if (item) show()
  }
}

async function next() {
  if (!item) $('said').textContent = t('waiting')
  place(await insist('/api/next', { labeler }))
}

async function judge() {
  await insist('/api/judge', { labeler, item: item.item, ranking: groups, scores })
  await next()
}

function submit() {
  if (ranked().length === item.responses.length) exchange(judge, t('saved'))
  else $('said').textContent = t('unfinished')
}

function undo() {
  exchange(async () => place(await insist('/api/undo', { labeler })), t('undone'))
}

// --- beside the desk

function share(key, found) {
  const percent = x => Math.round(100 * x)
  const value = make('p', { class: 'figure', 'data-pairs': found.pairs })
  value.innerHTML = found.share === null ? '–' : t('agree')(percent(found.share),
    percent(found.low), percent(found.high), found.pairs, found.prompts)
  return [make('h3', {}, t(key)), value]
}

function showProgress() {
  if (!progress) return
  const none = progress.agreement.share === null
  $('progress').replaceChildren(
    make('p', { class: 'figure', id: 'mine' }, t('mine')(progress.mine),
      make('small', {}, ` · ${t('all')(progress.all)}`)),
    ...share('agreement', progress.agreement), ...(none ? [] : share('own', progress.own)),
    make('p', { class: 'note' }, t(none ? 'no_agreement' : 'agreement_note')),
    make('h3', {}, t('labelers')), make('p', { class: 'people' },
      ...progress.labelers.slice(0, 30).map(([name, n]) => make('span',
        name === labeler ? { class: 'me' } : {}, `${name} ${n}`))),
    make('button', { type: 'button', onclick: () => sign(false) }, t('change')))
}

// Everything on this tab that depends on the language.
export function showLabel() {
  const list = make('ul', {})
  list.innerHTML = t('rules').map(rule => `<li>${rule}</li>`).join('')
  $('guideline').replaceChildren(make('summary', {}, t('guideline')), list)
  $('keys').replaceChildren(make('summary', {}, t('keys')), make('dl', {}, ...t('key_list').flatMap(
    ([key, what]) => [make('dt', {}, make('kbd', {}, key)), make('dd', {}, what)])),
  make('p', { class: 'note' }, t('drag')), make('p', { class: 'note' }, t('shown_by')))
  $('said').textContent = ''
  showProgress()
  if (item) show()
}

function sign(name) {
  labeler = name || ''
  item = null
  $('sign-in').hidden = Boolean(name)
  $('desk').hidden = $('beside').hidden = !name
  $('question').replaceChildren()
  $('ranking').replaceChildren()
  if (!name) return $('labeler').focus()
  localStorage.setItem('labeler', name)
  exchange(next, '')
}

async function refresh() {
  if (document.hidden || $('label').hidden || !labeler || !item || sending) return
  try {
    progress = await (await call('/api/progress', { labeler })).json()
    showProgress()
  } catch { /* the next submission waits for the server */ }
}

export function openLabel() {
  $('labeler').value = localStorage.getItem('labeler') || ''
  $('sign-in').addEventListener('submit', event => {
    event.preventDefault()
    sign($('labeler').value.trim())
  })
  $('submit').addEventListener('click', submit)
  $('undo').addEventListener('click', undo)
  document.addEventListener('keydown', key)
  setInterval(refresh, 3000)
}

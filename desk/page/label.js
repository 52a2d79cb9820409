// Label: rank the answers to a prompt by keys, clicks or drag, as InstructGPT's labelers did; or
// say which of two is more helpful, or more harmful, as those of HH-RLHF did.

import { call, insist } from './calls.js'
import { $, make, notice, onSubmit, recall, remember } from './elements.js'
import { checkField } from './fields.js'
import { refused, t } from './words.js'

let labeler = ''
let kind = '' // what is asked of two answers: helpful or harmful; nothing has them all ranked
let item = null // {item, messages, responses}
let groups = [] // the ranking so far: groups of shown answers, best first; ties share a group
let scores = [] // a rating of 1 to 7 per answer, or null
let tie = false // does the next answer join the last group?
let progress = null
let sending = false

// --- what is not submitted yet outlives a reload: for each person that of the item before them

const drawer = () => `ranking ${kind} ${labeler}`
const keep = () => remember(drawer(), { item: item.item, groups, scores, tie })

// --- the ranking

const ranked = () => groups.flat()

function take(i) {
  groups = groups.map(group => group.filter(j => j !== i)).filter(group => group.length)
}

// A number, or a click: the answer comes next, or goes back if it has a place.
// Of two answers it says which one it is, so the other has its place as well.
function pick(i) {
  if (kind) groups = [[i], [1 - i]]
  else if (ranked().includes(i)) take(i)
  else if (tie) groups.at(-1).push(i)
  else groups.push([i])
  join(false)
}

function clear() {
  groups = []
  draw()
}

function join(wanted) {
  if (kind && wanted) groups = [[0, 1]] // neither is more so
  else tie = wanted && groups.length > 0
  draw()
}

// A drag: `where` is before, after, with (a tie), last or none.
function put(i, where, target) {
  if (target !== i) {
    take(i)
    const at = groups.findIndex(group => group.includes(target))
    if (where === 'with') groups[at].push(i)
    if (where === 'before') groups.splice(at, 0, [i])
    if (where === 'after') groups.splice(at + 1, 0, [i])
    if (where === 'last') groups.push([i])
  }
  draw()
}

function rate(i, n) {
  scores[i] = scores[i] === n ? null : n
  draw()
}

function rateBy(star, step) {
  const n = Number(star.textContent) + step
  if (n >= 1 && n <= 7) rate(Number(star.closest('.card').dataset.i), n)
}

function card(i, look) {
  const text = item.responses[i]
  const title = t('rating')
  const star = n => make('button', { type: 'button', role: 'radio',
    'aria-checked': scores[i] === n, tabindex: n === (scores[i] ?? 1) ? 0 : -1,
    onclick: () => rate(i, n) }, n)
  const place = groups.findIndex(group => group.includes(i)) + 1
  const name = place ? t('card_placed', { n: i + 1, place }) : t('card', { n: i + 1 })
  // A pointer picks by what it does to the card; a click without one comes from the keyboard.
  const number = make('button', { type: 'button', class: 'number', 'aria-label': name,
    'aria-pressed': place > 0, onclick: event => event.detail || pick(i) },
  make('kbd', {}, i + 1))
  return make('div', { class: look, role: 'group', 'aria-label': name, 'data-i': i,
    onpointerdown: event => grab(event, i) },
    number,
    make('p', { class: text ? null : 'note' }, text || t('nothing')),
    kind ? '' : make('span', { class: 'rating', role: 'radiogroup', title, 'aria-label': `${title} ${i + 1}` },
      ...[1, 2, 3, 4, 5, 6, 7].map(star)))
}

function draw() {
  keep()
  const focused = document.activeElement.closest('.card')?.dataset.i
  const part = document.activeElement.matches('[role=radio]') ? '[tabindex="0"]' : '.number'
  const rest = item.responses.map((_, i) => i).filter(i => !ranked().includes(i))
  const rows = [make('li', { class: 'heading' }, t(kind ? `first_${kind}` : 'ranked'))]
  for (const [n, group] of groups.entries()) {
    rows.push(make('li', { class: group.length > 1 ? 'group tied' : 'group' },
      make('span', { class: 'place' }, n + 1),
      make('div', {}, ...group.map(i => card(i, 'card placed')))))
  }
  if (rest.length) {
    rows.push(make('li', { class: tie ? 'slot tie' : 'slot' }, tie ? '=' : groups.length + 1))
    rows.push(make('li', { class: 'heading' }, t('unranked')))
  }
  $('ranking').replaceChildren(...rows, ...rest.map(i => make('li', {}, card(i, 'card'))))
  $('submit').disabled = rest.length > 0 || sending
  if (focused) $('ranking').querySelector(`[data-i="${focused}"] ${part}`).focus()
}

// --- drag, with mouse, pen or finger

function dropAt(x, y) {
  const under = document.elementFromPoint(x, y)
  const slot = under?.closest('.slot')
  const placed = under?.closest('.card.placed')
  if (slot) return { where: 'last', mark: slot }
  if (!placed) return { where: 'none' }
  const box = placed.getBoundingClientRect()
  const part = (y - box.top) / box.height
  const where = part < 0.3 ? 'before' : part > 0.7 ? 'after' : 'with'
  return { where, mark: placed, target: Number(placed.dataset.i) }
}

function grab({ button, target, currentTarget: held, pointerId, clientX: x, clientY: y }, i) {
  if (button || target.closest('.rating')) return
  let dragged = false
  held.setPointerCapture(pointerId)
  held.onpointermove = event => {
    const right = event.clientX - x
    const down = event.clientY - y
    dragged ||= Math.hypot(right, down) > 6
    if (!dragged) return
    held.classList.add('held')
    held.style.transform = `translate(${right}px, ${down}px)`
    for (const marked of document.querySelectorAll('[data-drop]')) delete marked.dataset.drop
    const { where, mark } = dropAt(event.clientX, event.clientY)
    if (mark) mark.dataset.drop = where
  }
  held.onpointerup = event => {
    document.activeElement.blur() // Enter is for the ranking, not for what was pointed at
    if (!dragged) return pick(i)
    const { where, target } = dropAt(event.clientX, event.clientY)
    put(i, where, target)
  }
  held.onpointercancel = draw
}

// --- keys

function key(event) {
  const writing = event.target.closest('input, textarea, select')
  if ($('label').hidden || !item || writing || sending) return
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return
  if ('Enter '.includes(event.key) && event.target.closest('button, summary')) return
  const number = Number(event.key)
  const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key]
  if (step && event.target.matches('[role=radio]')) rateBy(event.target, step)
  else if (number >= 1 && number <= item.responses.length) pick(number - 1)
  else if (event.key === '=') join(!tie)
  else if (event.key === 'Backspace' && kind) clear()
  else if (event.key === 'Backspace' && tie) join(false)
  else if (event.key === 'Backspace' && groups.length) pick(groups.at(-1).at(-1))
  else if (event.key === 'Enter') submit()
  else if (event.code === 'KeyU') undo() // the same key under a Korean layout
  else return
  event.preventDefault()
}

// --- the server

function place(found) {
  item = found
  const scored = found.scores ?? found.responses.map(() => null)
  const given = { groups: found.ranking ?? [], scores: scored, tie: false }
  const begun = recall(drawer())
  const goesOn = begun?.item === item.item && !found.ranking
  ;({ groups, scores, tie } = goesOn ? begun : given)
  progress = found.progress
  $('question').replaceChildren(...found.messages.map(m => make('p', { class: m.role }, m.content)))
  draw()
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
    if (error.status === 409 && act === judge) await next().catch(() => {})
    notice(refused(error))
  }
  sending = false
  showUndo()
  if (item) draw()
}

async function next() {
  if (!item) $('said').textContent = t('waiting')
  place(await insist('/api/next', { labeler, kind }, 'offline'))
}

async function judge() {
  const body = { labeler, kind, item: item.item, ranking: groups, scores }
  await insist('/api/judge', body, 'offline')
  await next()
}

async function takeBack() {
  place(await insist('/api/undo', { labeler, kind }, 'offline'))
}

function submit() {
  if (ranked().length === item.responses.length) exchange(judge, t('saved'))
  else $('said').textContent = t('unfinished')
}

const undo = () => progress?.mine && exchange(takeBack, t('undone'))

function showUndo() {
  $('undo').disabled = sending || !progress?.mine
}

// --- beside the desk

function share(key, { share, low, high, pairs, prompts }) {
  const percent = x => Math.round(100 * x)
  const value = make('p', { class: 'figure', 'data-pairs': pairs }, '–')
  if (share !== null) {
    const figures = { low: percent(low), high: percent(high), pairs, prompts }
    value.replaceChildren(`${percent(share)}% `, make('small', {}, t('of_pairs', figures)))
  }
  return [make('h2', {}, t(key)), value]
}

function showProgress() {
  if (!progress) return
  const { mine, all, agreement, own, labelers } = progress
  const known = agreement.share !== null
  const note = kind ? 'agreement_hh' : 'agreement_note'
  const people = labelers.slice(0, 30).map(([name, n]) =>
    make('span', { class: name === labeler ? 'me' : null }, `${name} ${n}`))
  $('progress').replaceChildren(
    make('p', { class: 'figure', id: 'mine' }, t('mine', { n: mine }),
      make('small', {}, ` · ${t('all', { n: all })}`)),
    ...share('agreement', agreement),
    ...(known ? share('own', own) : []),
    make('p', { class: 'note' }, t(known ? note : 'no_agreement')),
    make('h2', {}, t('labelers')),
    make('p', { class: 'people' }, ...people),
    make('button', { type: 'button', onclick: () => sign('') }, t('change')))
  showUndo()
}

function showKind() {
  $('asked').textContent = kind ? t(`which_${kind}`) : ''
  $('asked').hidden = !kind
  for (const line of document.querySelectorAll('[data-kind]')) {
    const here = kind ? [kind, 'two'] : ['rank']
    line.hidden = !here.includes(line.dataset.kind)
  }
}

// Everything on this tab that depends on the language.
export function showLabel() {
  showKind()
  $('said').textContent = ''
  showProgress()
  if (item) draw()
}

function sign(name) {
  labeler = name
  kind = $('kind').value
  showKind()
  item = null
  $('sign-in').hidden = Boolean(name)
  $('desk').hidden = $('beside').hidden = !name
  $('question').replaceChildren()
  $('ranking').replaceChildren()
  remember('label', { labeler, kind })
  if (!name) return $('labeler').focus()
  localStorage.setItem('labeler', name)
  exchange(next, '')
}

// Whoever was at the desk in this tab of the browser is there again after a reload.
export function resumeLabel() {
  const draft = recall('label')
  if (!draft?.labeler) return
  $('kind').value = draft.kind
  sign(draft.labeler)
}

async function refresh() {
  if (document.hidden || $('label').hidden || !item || sending) return
  progress = await call('/api/progress', { labeler, kind }).catch(() => progress)
  showProgress()
}

export function openLabel() {
  $('labeler').value = localStorage.getItem('labeler') ?? ''
  onSubmit($('sign-in'), () => checkField($('labeler')) && sign($('labeler').value.trim()))
  $('submit').addEventListener('click', submit)
  $('undo').addEventListener('click', undo)
  document.addEventListener('keydown', key)
  setInterval(refresh, 3000)
}

// Talk: a conversation with one checkpoint. Compare: one prompt to several, side by side.

import { $, make, notice, call, listen, sendOnEnter } from './app.js'
import { t } from './words.js'

let state = { checkpoints: [], examples: [], lineup: [], defaults: {} }
let messages = []
let running = null // the AbortController of the answer being written

const STAGES = ['pretrain', 'sft', 'dpo', 'ppo'] // in the order in which they are trained
const speakers = () => state.checkpoints.filter(c => c.head === 'lm')
  .sort((a, b) => STAGES.indexOf(a.stage) - STAGES.indexOf(b.stage))
const numberOf = id => Number($(id).value)

function sampling() {
  const chosen = {}
  for (const id of ['temperature', 'top_p', 'top_k', 'limit', 'seed']) chosen[id] = numberOf(id)
  return chosen
}

const nameOf = c => {
  const stage = t('stages')[c.stage] || c.stage
  if (c.error) return `${c.name} (${t('damaged')})`
  return c.stage === c.name ? stage : `${c.name} · ${stage}`
}

function fill(select, checkpoints, chosen, none) {
  const before = select.value || chosen || ''
  select.replaceChildren(...checkpoints.map(c => make('option',
    { value: c.name, title: c.error || null, disabled: c.error ? '' : null }, nameOf(c))))
  if (none) select.append(make('option', { value: '' }, none))
  select.value = before
}

// Everything that depends on the language or on the checkpoints there are.
export function showChoices() {
  const damaged = state.checkpoints.filter(c => c.error)
  fill($('checkpoint'), [...speakers(), ...damaged], state.talk)
  fill($('reward'), state.checkpoints.filter(c => c.head === 'scalar'), state.reward, t('nobody'))
  fill($('reference'), speakers().filter(c => c.stage !== 'pretrain'), state.reference, t('nobody'))
  const checked = [...document.querySelectorAll('#lineup input:checked')].map(e => e.value)
  $('lineup').replaceChildren(...speakers().map(c => make('label', { class: 'check' },
    make('input', { type: 'checkbox', value: c.name,
      ...((checked.length ? checked : state.lineup).includes(c.name) && { checked: '' }) }),
    nameOf(c))))
  about()
}

function about() {
  const c = state.checkpoints.find(c => c.name === $('checkpoint').value)
  $('about').textContent = !c ? t('none') : `${t(c.stage === 'pretrain' ? 'base' : 'tuned')} ` +
    `${c.parameters.toLocaleString()} ${t('parameters')}, ${t('step')} ${c.step}.`
}

// --- answers and the probabilities of their tokens

const percent = p => p >= 0.0995 ? `${Math.round(p * 100)}%` : `${(p * 100).toFixed(1)}%`
const visible = text => text.replaceAll('\n', '⏎').replaceAll(' ', '␣') || '∅'

// The finished answer as words to point at. Bytes of one character belong together.
function showTokens(box, event) {
  const pieces = []
  let steps = []
  for (const token of event.tokens) {
    steps.push(token)
    if (token.text) {
      pieces.push(make('span', { class: 'token' }, token.text))
      pieces.at(-1).steps = steps
      steps = []
    }
  }
  const mark = event.ended ? '■' : '…'
  pieces.push(make('span', { class: 'token end', title: t(event.ended ? 'end' : 'cut') }, mark))
  pieces.at(-1).steps = steps
  for (const piece of pieces) {
    const least = Math.min(1, ...piece.steps.map(s => s.p))
    piece.style.setProperty('--doubt', Math.max(0, 1 - least / 0.9).toFixed(2))
  }
  box.replaceChildren(...pieces)
}

function explain(piece) {
  const box = $('considered')
  box.replaceChildren(...piece.steps.map(step => {
    const rows = step.top.map(([text, p]) => [text, p, Math.abs(p - step.p) < 1e-9])
    if (!rows.some(row => row[2])) rows.push([step.text.trim() || '…', step.p, true])
    return make('table', {}, ...rows.map(([text, p, taken]) => make('tr',
      taken ? { class: 'taken' } : {}, make('td', {}, visible(text)),
      make('td', {}, make('meter', { value: p, max: 1 })), make('td', {}, percent(p)))))
  }))
  if (!piece.steps.length) box.append(t('cut'))
  box.hidden = false
  const at = piece.getBoundingClientRect(), own = box.getBoundingClientRect()
  const below = at.bottom + 6 + own.height < innerHeight
  box.style.left = `${Math.max(8, Math.min(at.left, innerWidth - own.width - 8))}px`
  box.style.top = `${Math.max(8, below ? at.bottom + 6 : at.top - own.height - 6)}px`
}

function watchTokens() {
  document.addEventListener('pointerover', event => {
    const piece = event.target.closest?.('.token')
    if (piece?.steps) explain(piece)
    else $('considered').hidden = true
  })
  document.addEventListener('scroll', () => { $('considered').hidden = true }, true)
}

function suggest(box, area) {
  box.replaceChildren(...state.examples.map(text => make('button', { type: 'button',
    onclick: () => { area.value = text; area.form.requestSubmit() } }, text)))
}

// --- Talk

function turn(role, text) {
  const box = make('p', {}, text)
  const who = role === 'user' ? t('you') : $('checkpoint').selectedOptions[0]?.text || ''
  $('conversation').append(make('div', { class: `turn ${role}` }, make('b', {}, who), box))
  box.scrollIntoView({ block: 'nearest' })
  return box
}

function busy(controller) {
  running = controller
  $('stop').hidden = !controller
  $('ask').querySelector('[type=submit]').hidden = Boolean(controller)
}

async function talk() {
  const text = $('say').value
  if (running || !text.trim()) return
  notice('')
  messages.push({ role: 'user', content: text })
  turn('user', text)
  $('say').value = ''
  const box = turn('assistant', '')
  let said = ''
  busy(new AbortController())
  const forgotten = messages
  try {
    await listen('/api/talk', { ...sampling(), checkpoint: $('checkpoint').value,
      messages: $('raw').checked ? messages.slice(-1) : messages, raw: $('raw').checked }, event => {
      if (event.text) box.textContent = said += event.text
      if (event.tokens) showTokens(box, event)
      box.scrollIntoView({ block: 'nearest' })
    }, running.signal)
  } catch (error) {
    if (error.name !== 'AbortError') notice(`${t('failed')}: ${error.message}`)
  }
  if (said || !$('notice').textContent) forgotten.push({ role: 'assistant', content: said })
  else forgotten.pop() // a question that was refused is no part of the conversation
  busy(null)
  $('say').focus()
}

function forget() {
  running?.abort()
  messages = []
  $('conversation').replaceChildren()
  $('say').focus()
}

// --- Compare

async function compare() {
  const names = [...document.querySelectorAll('#lineup input:checked')].map(e => e.value)
  const prompt = $('prompt').value
  if (running || !prompt.trim() || !names.length) return
  notice('')
  const cards = {}
  for (const name of names) {
    const c = state.checkpoints.find(c => c.name === name)
    cards[name] = { box: make('p', {}), figures: make('dl', {}), said: '' }
    cards[name].card = make('section', { class: 'answer', 'data-name': name },
      make('h2', {}, nameOf(c)), cards[name].box, cards[name].figures)
  }
  $('answers').replaceChildren(...names.map(name => cards[name].card))
  busy(new AbortController())
  try {
    await listen('/api/compare', { ...sampling(), checkpoints: names, prompt,
      reward: $('reward').value || null, reference: $('reference').value || null }, event => {
      const { box, figures } = cards[event.name]
      if (event.text) box.textContent = cards[event.name].said += event.text
      if (event.tokens) {
        showTokens(box, event)
        figures.replaceChildren(...rows(event).flatMap(([name, value]) =>
          [make('dt', {}, name), make('dd', {}, value)]))
      }
    }, running.signal)
  } catch (error) {
    if (error.name !== 'AbortError') notice(`${t('failed')}: ${error.message}`)
  }
  busy(null)
}

const signed = x => (x < 0 ? '−' : '+') + Math.abs(x).toFixed(2)

function rows(event) {
  const found = []
  if (event.reward !== null) found.push([t('reward'), signed(event.reward)])
  if (event.kl !== null) found.push([t('kl'), `${signed(event.kl)} ${t('nats')}`])
  return [...found, [t('tokens'), event.tokens.length + (event.ended ? '' : ` (${t('cut')})`)]]
}

// --- begin

export function openTalk(found) {
  state = found
  for (const [id, value] of Object.entries(state.defaults)) $(id).value = value
  for (const range of document.querySelectorAll('input[type=range]')) {
    const show = () => { range.parentElement.querySelector('output').value = range.value }
    range.addEventListener('input', show)
    show()
  }
  for (const [form, area, act] of [['ask', 'say', talk], ['ask-all', 'prompt', compare]]) {
    sendOnEnter($(area))
    $(form).addEventListener('submit', event => { event.preventDefault(); act() })
  }
  $('stop').addEventListener('click', () => running?.abort())
  $('forget').addEventListener('click', forget)
  $('checkpoint').addEventListener('change', about)
  suggest($('examples'), $('say'))
  suggest($('examples-all'), $('prompt'))
  watchTokens()
  setInterval(refresh, 10000)
}

// Checkpoints that appear while a stage trains.
async function refresh() {
  if (document.hidden || running) return
  try {
    const { checkpoints } = await (await call('/api/state')).json()
    if (JSON.stringify(checkpoints) !== JSON.stringify(state.checkpoints)) {
      state.checkpoints = checkpoints
      showChoices()
    }
  } catch { /* the server is away: the next call by hand says so */ }
}

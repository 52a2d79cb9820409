// Talk: a conversation with one checkpoint. Compare: one prompt to several, side by side.

import { call, listen } from './calls.js'
import { Conversation, factOf, showFound } from './conversation.js'
import { $, make, notice, onSubmit, sendOnEnter } from './elements.js'
import { showTokens, watchTokens } from './tokens.js'
import { t } from './words.js'

let state = { checkpoints: [], examples: [], lineup: [], defaults: {} }
let conversation = null
let running = null // the AbortController of the answer being written

// --- what there is to choose from

const MOST = 199 // messages that are sent; the server takes 200
const STAGES = ['pretrain', 'sft', 'dpo', 'ppo'] // in the order in which they are trained
const order = checkpoint => STAGES.indexOf(checkpoint.stage)
const speakers = () => state.checkpoints.filter(c => c.head === 'lm')
  .sort((a, b) => order(a) - order(b))
const find = name => state.checkpoints.find(c => c.name === name)
const chosenLineup = () =>
  [...document.querySelectorAll('#lineup input:checked')].map(input => input.value)

function nameOf(checkpoint) {
  const { name, stage, error } = checkpoint
  if (error) return `${name} (${t('damaged')})`
  const known = t(`stage_${stage}`) || stage
  return stage === name ? known : `${name} · ${known}`
}

function fill(select, checkpoints, chosen, none) {
  const before = select.value || chosen || ''
  select.replaceChildren(...checkpoints.map(c => make('option',
    { value: c.name, title: c.error ?? null, disabled: c.error ? '' : null }, nameOf(c))))
  if (none) select.append(make('option', { value: '' }, none))
  select.value = before
}

// Everything that depends on the language or on the checkpoints there are.
export function showChoices() {
  const all = state.checkpoints
  const rewards = all.filter(c => c.stage === 'reward')
  const tuned = speakers().filter(c => c.stage !== 'pretrain')
  fill($('checkpoint'), [...speakers(), ...all.filter(c => c.error)], state.talk)
  fill($('probed'), tuned, state.probe)
  fill($('reward'), rewards, state.reward, t('nobody'))
  fill($('reference'), tuned, state.reference, t('nobody'))
  const checked = chosenLineup()
  const names = checked.length ? checked : state.lineup
  $('lineup').replaceChildren(...speakers().map(c => make('label', { class: 'check' },
    make('input',
      { type: 'checkbox', value: c.name, checked: names.includes(c.name) ? '' : null }),
    nameOf(c))))
  showAbout()
}

function showAbout() {
  const c = find($('checkpoint').value)
  const kind = c?.stage === 'pretrain' ? 'base' : 'tuned'
  $('about').textContent = !c ? t('none')
    : `${t(kind)} ${c.parameters.toLocaleString()} ${t('parameters')}, ${t('step')} ${c.step}.`
}

export const nameOfSpeaker = name => find(name) ? nameOf(find(name)) : name

export function settings() {
  const ids = ['temperature', 'top_p', 'top_k', 'limit', 'seed']
  return Object.fromEntries(ids.map(id => [id, Number($(id).value)]))
}

// --- answers

function busy(controller) {
  running = controller
  $('stop').hidden = !controller
  $('ask').querySelector('[type=submit]').hidden = Boolean(controller)
}

// Tell `heard` each event of the answer; returns whether it came to an error.
async function stream(path, body, heard) {
  let failed = false
  notice('')
  busy(new AbortController())
  try {
    for await (const event of listen(path, { ...settings(), ...body }, running.signal)) heard(event)
  } catch (error) {
    failed = error.name !== 'AbortError'
    if (failed) notice(`${t('failed')}: ${error.message}`)
  }
  busy(null)
  return failed
}

async function talk() {
  const text = $('say').value
  if (running || !text.trim()) return
  const mine = conversation // another one, should it be forgotten meanwhile
  const question = mine.show('user', t('you'), text)
  mine.keep(question, 'user', text)
  $('say').value = ''
  const turn = mine.show('assistant', nameOfSpeaker($('checkpoint').value))
  const box = turn.querySelector('p')
  let said = ''
  const found = {}
  const raw = $('raw').checked
  const messages = raw ? mine.messages.slice(-1) : mine.messages.slice(-MOST)
  const unsent = mine.messages.length - messages.length
  if (unsent && !raw) mine.sees(unsent, turn)
  const body = { checkpoint: $('checkpoint').value, messages, raw }
  const failed = await stream('/api/talk', body, event => {
    if (event.forgotten) mine.sees(unsent + event.forgotten, turn)
    showFound(box, found, event)
    if (event.text) box.textContent = said += event.text
    if (event.tokens) showTokens(box, event)
    if (event.tokens) turn.append(...factOf(event))
    turn.scrollIntoView({ block: 'nearest' })
  })
  if (said || !failed) mine.keep(turn, 'assistant', said, found)
  else { // a question that was refused is no part of the conversation
    mine.messages.pop()
    mine.turns.pop()
  }
  $('say').focus()
}

function forget() {
  running?.abort()
  conversation = new Conversation($('conversation'))
  $('say').focus()
}

const signed = x => (x < 0 ? '−' : '+') + Math.abs(x).toFixed(2)

function figures(event) {
  const found = []
  const add = (name, value) => found.push(make('dt', {}, name), make('dd', {}, value))
  if (event.reward !== null) add(t('reward'), signed(event.reward))
  if (event.kl !== null) add(t('kl'), `${signed(event.kl)} ${t('nats')}`)
  add(t('tokens'), event.tokens.length + (event.ended ? '' : ` (${t('cut')})`))
  return found
}

async function compare() {
  const names = chosenLineup()
  const prompt = $('prompt').value
  if (running || !prompt.trim() || !names.length) return
  const boxes = {}
  const under = {}
  const found = {}
  $('answers').replaceChildren()
  for (const name of names) {
    boxes[name] = make('p')
    found[name] = {}
    under[name] = make('dl')
    $('answers').append(make('section', { class: 'answer', 'data-name': name },
      make('h2', {}, nameOf(find(name))), boxes[name], under[name]))
  }
  const reward = $('reward').value || null
  const reference = $('reference').value || null
  await stream('/api/compare', { checkpoints: names, prompt, reward, reference }, event => {
    showFound(boxes[event.name], found[event.name], event)
    if (event.text) boxes[event.name].append(event.text)
    if (event.tokens) {
      showTokens(boxes[event.name], event)
      boxes[event.name].after(...factOf(event))
      under[event.name].replaceChildren(...figures(event))
    }
  })
}

// --- begin

function suggest(box, area) {
  const ask = text => () => {
    area.value = text
    area.form.requestSubmit()
  }
  box.replaceChildren(...state.examples.map(text =>
    make('button', { type: 'button', onclick: ask(text) }, text)))
}

export function openTalk(found) {
  state = found
  conversation = new Conversation($('conversation'))
  for (const [id, value] of Object.entries(state.defaults)) $(id).value = value
  for (const range of document.querySelectorAll('input[type=range]')) {
    const output = range.parentElement.querySelector('output')
    output.value = range.value
    range.addEventListener('input', () => { output.value = range.value })
  }
  for (const [form, area, act] of [['ask', 'say', talk], ['ask-all', 'prompt', compare]]) {
    sendOnEnter($(area))
    onSubmit($(form), act)
  }
  $('stop').addEventListener('click', () => running?.abort())
  $('forget').addEventListener('click', forget)
  $('checkpoint').addEventListener('change', showAbout)
  suggest($('examples'), $('say'))
  suggest($('examples-all'), $('prompt'))
  watchTokens()
  setInterval(refresh, 10000)
}

// Checkpoints that appear while a stage trains.
async function refresh() {
  if (document.hidden || running) return
  const { checkpoints } = await call('/api/state').catch(() => state) // away: the next call says so
  if (JSON.stringify(checkpoints) === JSON.stringify(state.checkpoints)) return
  state.checkpoints = checkpoints
  showChoices()
}

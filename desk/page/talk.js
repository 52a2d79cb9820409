// Talk: a conversation with one checkpoint. It outlives a reload of the page; its last question can
// be asked again or written anew.

import { Conversation, showFound } from './conversation.js'
import { $, copy, onSubmit, phone, recall, remember, sendOnEnter } from './elements.js'
import { nameOfSpeaker, ready, running, settings, showAbout, stream } from './models.js'
import { showTokens } from './tokens.js'
import { t } from './words.js'

const MOST = 199 // messages that are sent; the server takes 200

let conversation = null
let tries = 0 // how often the last question was asked again

// --- the conversation

// Ask what was written last, and show the answer as it comes.
async function answer(mine) {
  const turn = mine.show('assistant', nameOfSpeaker($('checkpoint').value))
  const box = turn.querySelector('p')
  let said = ''
  let found = {}
  const again = () => {
    said = box.textContent = ''
    found = {}
    turn.querySelector('.found')?.remove()
  }
  const raw = $('raw').checked
  const messages = raw ? mine.messages.slice(-1) : mine.messages.slice(-MOST)
  const unsent = mine.messages.length - messages.length
  if (unsent && !raw) mine.sees(unsent, turn)
  const { seed } = settings()
  const body = { checkpoint: $('checkpoint').value, messages, raw, seed: seed && seed + tries }
  const whole = await stream('/api/talk', body, event => {
    const follows = mine.atEnd()
    if (event.forgotten) mine.sees(unsent + event.forgotten, turn)
    showFound(box, found, event)
    if (event.text) box.textContent = said += event.text
    if (event.tokens) showTokens(box, event)
    if (event.fact) mine.mark(turn, event.fact)
    if (follows) mine.follow()
  }, again)
  if (whole || said) return mine.keep(turn, 'assistant', said, found)
  turn.remove() // stopped or refused before its first word: the question is the writer's again
  const question = mine.takeBack()
  if (mine === conversation && !$('say').value) $('say').value = question
}

async function ask(text) {
  const mine = conversation // another one, should it be forgotten meanwhile
  mine.keep(mine.show('user', t('you'), text), 'user', text)
  mine.follow()
  $('examples-fold').open = false
  keepDraft()
  await answer(mine)
  showTools()
  keepDraft()
  $('say').focus()
}

function talk() {
  const text = $('say').value
  if (!text.trim() || !ready()) return
  tries = 0
  $('say').value = ''
  ask(text)
}

// --- what can be done with it

function retry() {
  if (!conversation.messages.length || !ready()) return
  tries += 1 // a fixed seed gives another answer too, and the same one to who does the same
  ask(conversation.takeBack())
}

function edit() {
  if (running || !conversation.messages.length) return
  $('say').value = conversation.takeBack()
  showTools()
  keepDraft()
  $('say').focus()
}

async function copyAll() {
  await copy(conversation.asText())
  $('copied').textContent = t('copied')
  setTimeout(() => { $('copied').textContent = '' }, 3000)
}

function forget() {
  running?.abort()
  conversation = new Conversation($('conversation'))
  $('examples-fold').open = !phone()
  showTools()
  keepDraft()
  $('say').focus()
}

function showTools() {
  $('tools').hidden = !conversation.messages.length
}

// --- what outlives a reload

// A question that is not answered yet is one that is still to be asked.
function keepDraft() {
  const turns = conversation.whole()
  const pending = conversation.messages.length > turns.length
  const say = pending ? conversation.messages.at(-1).content : $('say').value
  const draft = { turns, say, checkpoint: $('checkpoint').value, settings: settings(),
    raw: $('raw').checked }
  remember('talk', draft)
}

function resume() {
  const draft = recall('talk')
  if (!draft) return
  for (const [id, value] of Object.entries(draft.settings)) {
    $(id).value = value
    $(id).dispatchEvent(new Event('input'))
  }
  $('raw').checked = draft.raw
  $('say').value = draft.say
  conversation.restore(draft.turns)
  if ([...$('checkpoint').options].some(option => option.value === draft.checkpoint)) {
    $('checkpoint').value = draft.checkpoint
    showAbout()
  }
  if (draft.turns.length) $('examples-fold').open = false
}

export function openTalk() {
  conversation = new Conversation($('conversation'))
  sendOnEnter($('say'))
  onSubmit($('ask'), talk)
  resume()
  showTools()
  for (const [id, act] of Object.entries({ retry, edit, forget, copy: copyAll })) {
    $(id).addEventListener('click', act)
  }
  $('talk').addEventListener('input', () => running || keepDraft())
}

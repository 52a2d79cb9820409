// A conversation on the page: its turns, which of them the model still sees, whether it is right.

import { make } from './elements.js'
import { t } from './words.js'

export class Conversation {
  constructor(box) {
    this.box = box
    this.messages = [] // as they are sent
    this.turns = [] // the element of each message
    box.replaceChildren()
  }

  // A turn on the page that is no part of the conversation yet; returns its element.
  show(role, who, text = '') {
    const turn = make('div', { class: `turn ${role}` }, make('b', {}, who), make('p', {}, text))
    this.box.append(turn)
    return turn
  }

  // `found`: what was looked up for an answer, and what was found, if it was.
  keep(turn, role, content, found = {}) {
    this.messages.push({ role, content, ...(found.result ? found : {}) })
    this.turns.push(turn)
  }

  // Whether an answer is right, and the truth.
  mark(turn, fact) {
    turn.fact = fact
    turn.append(...factOf(fact))
  }

  // Take the last question out, and its answer; returns the question.
  takeBack() {
    let message
    do {
      message = this.messages.pop()
      const turn = this.turns.pop()
      if (turn.previousElementSibling?.matches('.remark')) turn.previousElementSibling.remove()
      turn.remove()
    } while (message.role !== 'user')
    return message.content
  }

  // --- in view

  // The page ends with what is written into; who has scrolled up to read is left there.
  atEnd() {
    return this.box.parentElement.getBoundingClientRect().bottom < innerHeight + 100
  }

  follow() {
    this.box.parentElement.scrollIntoView({ block: 'end' })
  }

  // --- kept and copied

  // The questions that are answered, and their answers, as `restore` takes them.
  whole() {
    const n = this.messages.length - (this.messages.at(-1)?.role === 'user' ? 1 : 0)
    return this.messages.slice(0, n).map((message, i) => ({ ...message,
      who: this.turns[i].querySelector('b').textContent, fact: this.turns[i].fact }))
  }

  restore(turns) {
    for (const { role, content, who, fact, ...found } of turns) {
      const turn = this.show(role, who, content)
      showFound(turn.querySelector('p'), {}, found)
      if (fact) this.mark(turn, fact)
      this.keep(turn, role, content, found)
    }
  }

  asText() {
    return this.whole().map(({ who, content }) => `${who}: ${content}\n`).join('')
  }

  // The model reads its last whole turns, from message number `first` on. Of a question that alone
  // is longer than what it was trained on it reads the end.
  sees(first, answer) {
    const last = this.turns.length - 1
    for (const [i, turn] of this.turns.entries()) {
      turn.classList.toggle('gone', i < first && i < last)
    }
    const key = first > last ? 'question_cut' : 'forgotten'
    if (this.box.querySelector(`.remark.${key}`)) return
    answer.before(make('p', { class: `remark ${key}` }, t(key)))
  }
}

// What is looked up for an answer, above it in `box`, as it is written; `found` collects it.
export function showFound(box, found, event) {
  for (const part of ['search', 'result']) {
    if (event[part]) found[part] = (found[part] ?? '') + event[part]
  }
  if (!event.search && !event.result) return
  let shown = box.previousElementSibling
  if (!shown?.matches('.found')) {
    shown = make('p', { class: 'found' })
    box.before(shown)
  }
  shown.textContent = `${t('looked_up')} ${found.search}`
  if (found.result) shown.textContent += ` → ${found.result}`
}

// Whether an answer is right, and the truth, where the question was one of the world.
export function factOf(found) {
  if (!found) return []
  const { verdict, fact } = found
  const parts = [make('b', {}, t(`fact_${verdict}`))]
  if (verdict !== 'right') parts.push(` ${fact}`)
  return [make('p', { class: `fact ${verdict}`, title: t('fact_note') }, ...parts)]
}

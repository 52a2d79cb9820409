// What is wrong with a field is said at the field, in the page's language.

import { $, make } from './elements.js'
import { t } from './words.js'

// Say something under a field; nothing takes it away.
export function say(field, text) {
  const id = `${field.id}-wrong`
  const line = $(id) ?? make('small', { class: 'wrong', id, role: 'alert' })
  if (!line.isConnected) (field.closest('label') ?? field).after(line)
  line.textContent = text
  field.setAttribute('aria-describedby', id)
}

// Does it hold what it should? What a number may be stands in its `min` and `max`.
export function checkField(input) {
  const { min, max, type } = input
  const good = input.checkValidity()
  const form = type === 'number' ? t('number_form', { min, max }) : t('name_form')
  say(input, good ? '' : form)
  input.setAttribute('aria-invalid', !good)
  return good
}

const numbers = () => [...document.querySelectorAll('#settings input[type=number]')]

// Are the settings of an answer in order? The first that is not is shown.
export function fieldsAreGood() {
  const wrong = numbers().filter(input => !checkField(input))
  if (!wrong.length) return true
  $('settings').open = true
  if (!$('talk').hidden) wrong[0].focus()
  else say($('lineup'), t('settings_wrong'))
  return false
}

export function watchFields() {
  for (const input of [...numbers(), $('samples')]) {
    input.addEventListener('input', () => checkField(input))
  }
}

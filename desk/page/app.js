// The frame of the page: tabs and language. Talk and Compare are in talk.js, Label in label.js.

import { call } from './calls.js'
import { $, notice } from './elements.js'
import { openLabel, showLabel } from './label.js'
import { openTalk, showChoices } from './talk.js'
import { language, speak, t } from './words.js'

const FIRST = { talk: 'say', compare: 'prompt', label: 'labeler' } // tab -> where one types first
const TABS = Object.keys(FIRST)

function open(tab) {
  for (const name of TABS) {
    $(name).hidden = name !== tab
    $(`tab-${name}`).setAttribute('aria-selected', name === tab)
  }
  $(FIRST[tab]).focus()
  history.replaceState(null, '', `#${tab}`)
}

const openWanted = () => open(TABS.find(name => `#${name}` === location.hash) ?? 'talk')

function translate(chosen) {
  speak(chosen)
  $('language').value = language
  showChoices()
  showLabel()
}

async function begin() {
  for (const name of TABS) $(`tab-${name}`).addEventListener('click', () => open(name))
  $('language').addEventListener('change', () => translate($('language').value))
  addEventListener('hashchange', openWanted)
  speak(language)
  openWanted()
  openLabel()
  try {
    openTalk(await call('/api/state'))
  } catch (error) {
    notice(`${t('failed')}: ${error.message}`)
  }
  translate(language)
}

begin()

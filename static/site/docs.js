// Language tabs: without this script all samples stand one after the other. The tab picked is remembered for all of them.
const KEY = 'sumeru-docs-language'

const tabsOf = (group) => [...group.querySelectorAll('[role=tab]')]

/** Shows the panel of this name, if the group has one, and hides its others. Returns whether it has. */
function show(group, name, focus) {
  const tabs = tabsOf(group)
  if (!tabs.some((tab) => tab.textContent === name)) return false
  for (const tab of tabs) {
    const chosen = tab.textContent === name
    tab.setAttribute('aria-selected', chosen)
    tab.tabIndex = chosen ? 0 : -1
    document.getElementById(tab.getAttribute('aria-controls')).hidden = !chosen
    if (chosen && focus && group.contains(document.activeElement)) tab.focus()
  }
  return true
}

function select(name, focus) {
  document.querySelectorAll('[data-tabs]').forEach((group) => show(group, name, focus))
  try { localStorage.setItem(KEY, name) } catch { /* storage may be forbidden: the choice lasts for this page */ }
}

document.querySelectorAll('[data-tabs]').forEach((group, number) => {
  const list = document.createElement('div')
  list.setAttribute('role', 'tablist')
  list.setAttribute('aria-label', 'Language')
  group.querySelectorAll('[data-tab]').forEach((panel, position) => {
    panel.id = `tab-${number}-${position}`
    panel.setAttribute('role', 'tabpanel')
    panel.querySelector('h3')?.remove()
    const tab = document.createElement('button')
    tab.type = 'button'
    tab.textContent = panel.dataset.tab
    tab.setAttribute('role', 'tab')
    tab.setAttribute('aria-controls', panel.id)
    tab.addEventListener('click', () => select(tab.textContent))
    tab.addEventListener('keydown', (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key]
      if (!step) return
      const tabs = [...list.children]
      select(tabs[(position + step + tabs.length) % tabs.length].textContent, true)
    })
    list.append(tab)
  })
  group.prepend(list)
})

let remembered = null
try { remembered = localStorage.getItem(KEY) } catch { /* as above */ }
document.querySelectorAll('[data-tabs]').forEach((group) => show(group, remembered) || show(group, tabsOf(group)[0].textContent))

/** Whether the visitor agreed; undefined as long as nothing is said. @type {boolean|undefined} */
export let agreed;

/**
 * Global Privacy Control is a word of the visitor's own and stands above whatever the page says.
 *
 * @param {string} word anything but 'granted' is a no
 */
export const decide = (word) => (agreed = word == 'granted' && !navigator.globalPrivacyControl);

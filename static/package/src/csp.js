/** What a storefront's Content-Security-Policy must name. */

export function cspSources({ url, photos = [] }) {
  const { origin } = new URL(url);
  return {
    scriptSrc: [origin],
    connectSrc: [origin],
    formAction: [origin],
    imgSrc: [...new Set(photos.map((each) => new URL(each).origin))],
    trustedTypes: ['sumeru'],
  };
}

// The usual way to show an API's answer in Next.js: a route handler over the fetch cache.
export const dynamic = 'force-dynamic'

export async function GET() {
  const answer = await fetch(process.env.UPSTREAM_URL, { next: { revalidate: 3600 } })
  return new Response(await answer.text(), { headers: { 'Content-Type': 'text/html; charset=utf-8' } })
}

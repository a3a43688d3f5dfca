/** Sources by directive. With a nonce and 'strict-dynamic' `scriptSrc` is not needed. */
export interface CspSources {
  scriptSrc: string[];
  connectSrc: string[];
  /** For forms that are sent without scripts. */
  formAction: string[];
  imgSrc: string[];
  /** The policy that the loader makes in browsers that enforce Trusted Types and lack `setHTML`. */
  trustedTypes: string[];
}

/**
 * @param options.url address of the widget server
 * @param options.photos addresses whose origins the pictures come from
 * @throws {TypeError} for what is no URL
 */
export function cspSources(options: { url: string; photos?: string[] }): CspSources;

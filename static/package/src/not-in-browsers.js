/** What a bundle for browsers gets instead of a module that works with a secret. It exports nothing, so that the build fails. */
export {};
throw new Error('sumeru-widgets/customer-token works with a secret: import it on the server only.');

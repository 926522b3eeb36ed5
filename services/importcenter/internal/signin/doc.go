// Package signin proves who sends a request: by a key, by a token of an OpenID
// provider, or by the session that a person began in a browser.
package signin

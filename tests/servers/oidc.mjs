// An OAuth2 server with one client (OIDC_CLIENT, OIDC_SECRET) whose tokens live for OIDC_SECONDS; tells its port on the
// first line of its output. As issuer it takes what it is called by.
import { createServer } from 'node:http'
import Provider from 'oidc-provider'

const server = createServer((request, response) => provider.callback()(request, response))
let provider
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address()
  const client = (id, method) => ({
    client_id: id,
    client_secret: process.env.OIDC_SECRET,
    token_endpoint_auth_method: method,
    scope: 'read',
    grant_types: ['client_credentials'],
    redirect_uris: [],
    response_types: []
  })
  provider = new Provider(`http://127.0.0.1:${port}`, {
    clients: [client(process.env.OIDC_CLIENT, 'client_secret_basic'), client('by-post', 'client_secret_post')],
    features: {
      clientCredentials: { enabled: true },
      introspection: { enabled: true, allowedPolicy: () => true },
      revocation: { enabled: true },
      devInteractions: { enabled: false }
    },
    scopes: ['read', 'write'],
    ttl: { ClientCredentials: Number(process.env.OIDC_SECONDS) }
  })
  console.log(port)
})

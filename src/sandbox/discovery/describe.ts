import type {Describe} from '../api/http/handler.ts';
import {type Answer, type AnyAnswer, type ApiRequest, json} from '../api/http/request.ts';
import type {ServiceAccountTokens} from '../auth/service-account-tokens.ts';
import {aggregated, wantsAggregated} from './aggregated.ts';
import {apiGroup, apiGroups, apiVersions, resourceList} from './legacy.ts';
import {openApiV2, openApiV3, openApiV3Index} from './openapi.ts';

type Parts = {readonly version: string; readonly tokens: ServiceAccountTokens};

/** What the server tells about itself: health, version, discovery, OpenAPI, its token issuer. */
export function createDescribe({version, tokens}: Parts): Describe {
  return (request) => {
    const path = request.path.length > 1 ? request.path.replace(/\/$/, '') : request.path;
    if (request.method !== 'GET' && request.method !== 'HEAD') return undefined;
    switch (path) {
      case '/healthz':
      case '/livez':
      case '/readyz':
        return health(path, request);
      case '/version':
        return json(200, versionInfo(version));
      case '/':
        return json(200, {paths});
      case '/.well-known/openid-configuration':
        return json(200, openIdConfiguration(tokens.issuer));
      case '/openid/v1/jwks':
        return tokens.jwks().then((keys) => json(200, keys));
      default:
        return discovery(path, request);
    }
  };
}

const paths = [
  '/api',
  '/api/v1',
  '/apis',
  '/healthz',
  '/livez',
  '/openapi/v2',
  '/openapi/v3',
  '/openid/v1/jwks',
  '/readyz',
  '/version',
  '/.well-known/openid-configuration',
];

function discovery(path: string, request: ApiRequest): AnyAnswer | undefined {
  const parts = path.split('/').slice(1);
  if (path === '/openapi/v2') return openApiV2();
  if (path === '/openapi/v3') return openApiV3Index();
  if (path.startsWith('/openapi/v3/')) return openApiV3(path.slice('/openapi/v3/'.length));
  if (path === '/api' || path === '/apis') {
    if (wantsAggregated(request.accept)) return aggregated(path, request.accept);
    return json(200, path === '/api' ? apiVersions() : apiGroups());
  }
  if (parts[0] === 'api' && parts.length === 2) return list('', parts[1] ?? '');
  if (parts[0] === 'apis' && parts.length === 3) return list(parts[1] ?? '', parts[2] ?? '');
  if (parts[0] === 'apis' && parts.length === 2) {
    const group = apiGroup(parts[1] ?? '');
    return group === undefined ? undefined : json(200, group);
  }
  return undefined;
}

function list(group: string, version: string): Answer | undefined {
  const found = resourceList(group, version);
  return found === undefined ? undefined : json(200, found);
}

function health(path: string, request: ApiRequest): Answer {
  const verbose = request.query.has('verbose');
  const body = verbose ? `[+]ping ok\n[+]storage ok\n${path.slice(1)} check passed\n` : 'ok';
  return {code: 200, contentType: 'text/plain; charset=utf-8', body};
}

function versionInfo(gitVersion: string): object {
  const [, major = '1', minor = '36'] = /^v(\d+)\.(\d+)/.exec(gitVersion) ?? [];
  return {
    major,
    minor,
    gitVersion,
    gitCommit: 'nodectl-sandbox',
    gitTreeState: 'clean',
    buildDate: '1970-01-01T00:00:00Z',
    goVersion: `node${process.versions.node}`,
    compiler: 'v8',
    platform: `${process.platform}/${process.arch === 'x64' ? 'amd64' : process.arch}`,
  };
}

function openIdConfiguration(issuer: string): object {
  return {
    issuer,
    jwks_uri: `${issuer}/openid/v1/jwks`,
    response_types_supported: ['id_token'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['RS256'],
  };
}

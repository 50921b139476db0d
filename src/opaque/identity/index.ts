export {
  isPreparedDomain,
  isPreparedTarget,
  MAX_DOMAIN_BYTES,
  MAX_TARGET_BYTES,
  prepareDomain,
  prepareTarget,
} from './domain.js';
export type { IdentityErrorCode, IdentityReason } from './errors.js';
export { checkNewPassword, MAX_PASSWORD_BYTES, MIN_NEW_PASSWORD_CODE_POINTS, preparePassword } from './password.js';
export { isPreparedUsername, MAX_USERNAME_BYTES, MAX_USERNAME_CODE_POINTS, prepareUsername } from './username.js';

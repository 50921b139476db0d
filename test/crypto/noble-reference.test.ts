// The reference has to fulfil the contract that it judges others by.
import { nobleCrypto } from '../support/noble-crypto.js';
import { contractSuite } from '../suites/crypto-contract.js';
import { vectorSuite } from '../suites/crypto-vectors.js';

const load = () => Promise.resolve(nobleCrypto());
vectorSuite('noble', load);
contractSuite('noble', load);

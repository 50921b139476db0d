// The contract of src/crypto/ on the WebAssembly core.
import { loadCrypto } from '../../src/crypto/index.js';
import { contractSuite, differentialSuite, vectorSuite } from '../suites/crypto.js';

const load = () => loadCrypto();
vectorSuite('core', load);
contractSuite('core', load);
differentialSuite('core', load);

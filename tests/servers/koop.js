// Koop, which speaks ArcGIS, over one GeoJSON file: `node koop.js <file.geojson>` prints `port <number>` once it listens.
//
// Koop leaves to the provider what a real server does by itself: clamping resultRecordCount to a maximum, and saying so
// in exceededTransferLimit. The filter is Koop's, so it comes after the page is cut, and pages may be short or empty.
const fs = require('fs');
const Koop = require('@koopjs/koop-core');

const collection = JSON.parse(fs.readFileSync(process.argv[2], 'utf8'));
const { idField, maxRecordCount } = collection.metadata;

class Model {
  async getData({ query }, callback) {
    const { resultOffset = 0, resultRecordCount = maxRecordCount, objectIds, returnCountOnly, returnIdsOnly } = query;
    const ids = objectIds && objectIds.split(',');
    const all = collection.features.filter(({ properties }) => !ids || ids.includes(String(properties[idField])));
    const whole = returnCountOnly === 'true' || returnIdsOnly === 'true';
    const first = whole ? 0 : Number(resultOffset);
    const features = all.slice(first, whole ? all.length : first + Math.min(Number(resultRecordCount), maxRecordCount));
    const exceededTransferLimit = first + features.length < all.length;
    const metadata = { ...collection.metadata, exceededTransferLimit };
    const filtersApplied = { objectIds: true, offset: true, limit: true };
    callback(null, { type: 'FeatureCollection', features, metadata, filtersApplied });
  }
}

const logger = Object.fromEntries(['error', 'warn', 'info', 'debug', 'silly', 'log'].map((level) => [level, () => {}]));
const koop = new Koop({ logger });
koop.register({ type: 'provider', name: 'council', version: '1.0.0', Model });
const server = koop.server.listen(0, '127.0.0.1', () => console.log(`port ${server.address().port}`));

// Azure lists blobs and directories in one order, by name. Azurite lists directories first. ABFS relies on Azure's order,
// and lists a directory twice without it. This changes the XML of each list.
const xml = require('/opt/server/node_modules/azurite/dist/src/blob/generated/utils/xml.js');

const write = xml.stringifyXML;
const name = (entry) => /<Name[^>]*>([^<]*)</.exec(entry)[1];
const compare = (one, other) => (name(one) < name(other) ? -1 : 1);

xml.stringifyXML = (...values) =>
  write(...values).replace(
    /<Blobs>(.*)<\/Blobs>/s,
    (_, entries) => `<Blobs>${(entries.match(/<(Blob|BlobPrefix)>.*?<\/\1>/gs) || []).sort(compare).join('')}</Blobs>`,
  );

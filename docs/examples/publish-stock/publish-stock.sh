#!/usr/bin/env bash
# publish-stock.sh CONNECTION SKU LEVEL     needs kcat; the broker is $KAFKA or localhost:9092
# A SKU with quotes or backslashes would have to be escaped for JSON: use one of the other examples then.
set -euo pipefail
connection=$1 sku=$2 level=$3
time=$(date -u +%Y-%m-%dT%H:%M:%S.%6NZ)

# murmur2 is how Java, kafkajs and PayLayer choose the partition of a key
printf '%s' "{\"specversion\":\"1.0\",\"type\":\"paylayer.stock.changed.v1\",\"source\":\"wms\",\"id\":\"$sku@$time\",\
\"time\":\"$time\",\"connection\":\"$connection\",\"data\":{\"sku\":\"$sku\",\"levels\":[{\"level\":$level}]}}" |
  kcat -P -b "${KAFKA:-localhost:9092}" -t paylayer.stock -k "$connection/$sku" \
    -H content-type=application/cloudevents+json -X acks=all -X partitioner=murmur2_random

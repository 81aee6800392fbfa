-- What can be bought, and at which price in which time.

CREATE TABLE skus (
  id UUID PRIMARY KEY,
  sku TEXT NOT NULL,
  display_name TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('gpu', 'cpu')),
  model TEXT NOT NULL,
  simulated BOOLEAN NOT NULL,
  capacity_shape TEXT NOT NULL CHECK (capacity_shape IN ('baremetal', 'gpu_slice')),
  units BIGINT NOT NULL CHECK (units > 0),
  active BOOLEAN NOT NULL,
  created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX skus_sku ON skus (sku);

CREATE TABLE prices (
  id UUID PRIMARY KEY,
  sku_id UUID NOT NULL REFERENCES skus (id),
  price_per_hour BIGINT NOT NULL CHECK (price_per_hour >= 0),
  valid_from BIGINT NOT NULL,
  valid_to BIGINT,
  CHECK (valid_to IS NULL OR valid_to >= valid_from)
);
CREATE UNIQUE INDEX prices_one_now ON prices (sku_id) WHERE valid_to IS NULL;

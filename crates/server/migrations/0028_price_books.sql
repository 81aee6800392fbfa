-- Prices of an organization's or a project's own, and how time is rounded up before it is rated.

ALTER TABLE prices ADD COLUMN increment_seconds BIGINT NOT NULL DEFAULT 1
  CHECK (increment_seconds BETWEEN 1 AND 3600);
ALTER TABLE prices ADD COLUMN minimum_seconds BIGINT NOT NULL DEFAULT 0
  CHECK (minimum_seconds BETWEEN 0 AND 86400);

CREATE TABLE price_books (
  id UUID PRIMARY KEY,
  name TEXT NOT NULL,
  currency TEXT NOT NULL,
  created_by UUID NOT NULL REFERENCES users (id),
  created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX price_books_name ON price_books (name);

-- What a book says of an item from a moment on: a price, a discount, another rounding, or nothing.
CREATE TABLE price_book_lines (
  id UUID PRIMARY KEY,
  book_id UUID NOT NULL REFERENCES price_books (id),
  kind TEXT NOT NULL CHECK (kind IN ('sku', 'meter')),
  item TEXT NOT NULL,
  price BIGINT CHECK (price >= 0),
  discount BIGINT CHECK (discount BETWEEN 1 AND 10000),
  increment_seconds BIGINT CHECK (increment_seconds BETWEEN 1 AND 3600),
  minimum_seconds BIGINT CHECK (minimum_seconds BETWEEN 0 AND 86400),
  valid_from BIGINT NOT NULL,
  set_by UUID NOT NULL REFERENCES users (id),
  set_at BIGINT NOT NULL,
  CHECK (price IS NULL OR discount IS NULL)
);
CREATE INDEX price_book_lines_book ON price_book_lines (book_id, kind, item, valid_from);

-- Which book holds for an organization or a project from a moment on; none: the organization's book holds again, or the list.
CREATE TABLE price_book_uses (
  id UUID PRIMARY KEY,
  org_id UUID NOT NULL REFERENCES organizations (id),
  project_id UUID,
  book_id UUID REFERENCES price_books (id),
  valid_from BIGINT NOT NULL,
  set_by UUID NOT NULL REFERENCES users (id),
  set_at BIGINT NOT NULL,
  FOREIGN KEY (org_id, project_id) REFERENCES projects (org_id, id)
);
CREATE INDEX price_book_uses_org ON price_book_uses (org_id, valid_from);
CREATE INDEX price_book_uses_book ON price_book_uses (book_id) WHERE book_id IS NOT NULL;

-- only: sqlite
CREATE TRIGGER price_book_lines_append_only BEFORE UPDATE ON price_book_lines
BEGIN SELECT RAISE(ABORT, 'append only'); END;
CREATE TRIGGER price_book_lines_stay BEFORE DELETE ON price_book_lines
BEGIN SELECT RAISE(ABORT, 'append only'); END;
CREATE TRIGGER price_book_uses_append_only BEFORE UPDATE ON price_book_uses
BEGIN SELECT RAISE(ABORT, 'append only'); END;
CREATE TRIGGER price_book_uses_stay BEFORE DELETE ON price_book_uses
BEGIN SELECT RAISE(ABORT, 'append only'); END;
-- end
-- only: postgres
CREATE TRIGGER price_book_lines_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON price_book_lines
  EXECUTE FUNCTION refuse_change();
CREATE TRIGGER price_book_uses_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON price_book_uses
  EXECUTE FUNCTION refuse_change();
-- end

-- What a run was agreed on, frozen with its price.
ALTER TABLE allocations ADD COLUMN list_price BIGINT;
ALTER TABLE allocations ADD COLUMN price_line_id UUID REFERENCES price_book_lines (id);
ALTER TABLE allocations ADD COLUMN increment_seconds BIGINT NOT NULL DEFAULT 1;
ALTER TABLE allocations ADD COLUMN minimum_seconds BIGINT NOT NULL DEFAULT 0;
ALTER TABLE meters ADD COLUMN list_price BIGINT;
ALTER TABLE meters ADD COLUMN price_line_id UUID REFERENCES price_book_lines (id);
ALTER TABLE meters ADD COLUMN increment_seconds BIGINT NOT NULL DEFAULT 1;
ALTER TABLE meters ADD COLUMN minimum_seconds BIGINT NOT NULL DEFAULT 0;
-- What was charged beyond its time, because the run was rounded up when it was released.
ALTER TABLE meters ADD COLUMN rounding BIGINT NOT NULL DEFAULT 0 CHECK (rounding >= 0);
ALTER TABLE usage_totals ADD COLUMN price_line_id UUID REFERENCES price_book_lines (id);

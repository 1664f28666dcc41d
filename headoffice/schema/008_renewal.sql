-- A certificate is renewed for one key only; `asked_us` is of the newest proof that was taken for it, so that none is
-- taken twice.
ALTER TABLE certificate ADD COLUMN renewed_by BLOB; -- SHA-256 of the request
ALTER TABLE certificate ADD COLUMN asked_us INTEGER;

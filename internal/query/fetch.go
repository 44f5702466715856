package query

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/silt-etl/silt/internal/human"
	"github.com/silt-etl/silt/internal/location"
	"github.com/silt-etl/silt/internal/objstore"
)

// fetchers is how many objects are listed or fetched at the same time.
const fetchers = 8

// fetch brings the objects of partitions on S3 into the cache. A file is named by its bucket, key and ETag, and appears
// only when it is complete, so that other queries can use it too.
type fetch struct {
	o          Options
	partitions []wantedPartition
	stores     map[location.Location]objstore.Reader // by the root of each bucket
}

type wantedPartition struct {
	of           *source
	bucket       location.Location // its root
	key          string            // the folder, ending in a slash
	objects      []objstore.Object
	cachedBefore []bool
}

func (f *fetch) add(s *source, at location.Location) {
	f.partitions = append(f.partitions, wantedPartition{of: s, bucket: at.Root(), key: at.Path()})
}

func (f *fetch) run(ctx context.Context) error {
	if f.o.CacheDir == "" {
		return errors.New("the folder for fetched files is not known. Try: set HOME or XDG_CACHE_HOME")
	}
	f.stores = map[location.Location]objstore.Reader{}
	for _, p := range f.partitions {
		if f.stores[p.bucket] == nil {
			s, err := f.o.OpenBucket(ctx, p.bucket)
			if err != nil {
				return err
			}
			f.stores[p.bucket] = s
		}
	}
	if err := f.list(ctx); err != nil {
		return err
	}
	var files int
	var size, need int64
	for _, p := range f.partitions {
		for i, o := range p.objects {
			files++
			size += o.SizeBytes
			if !p.cachedBefore[i] {
				need += o.SizeBytes
			}
		}
	}
	if f.o.Tell != nil {
		f.o.Tell(fmt.Sprintf("%s, %s, %s; to fetch from S3: %s", human.Plural(int64(len(f.partitions)), "partition"), human.Plural(int64(files), "file"), human.Size(size), human.Size(need)))
	}
	if f.o.MaxFetchBytes > 0 && need > f.o.MaxFetchBytes {
		return &TooMuchError{NeedBytes: need, MaxBytes: f.o.MaxFetchBytes, Partitions: len(f.partitions)}
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(fetchers)
	for i := range f.partitions {
		p := &f.partitions[i]
		for n, o := range p.objects {
			to := f.path(p.bucket.Bucket(), o)
			p.of.files = append(p.of.files, to)
			if !p.cachedBefore[n] {
				g.Go(func() error { return f.get(ctx, f.stores[p.bucket], o, to) })
			}
		}
	}
	return g.Wait()
}

// list finds the objects of every partition, and which of them the cache has.
func (f *fetch) list(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(fetchers)
	for i := range f.partitions {
		p := &f.partitions[i]
		g.Go(func() error {
			return f.stores[p.bucket].List(ctx, objstore.ListOptions{Prefix: p.key}, func(o objstore.Object) error {
				if strings.Contains(o.Key[len(p.key):], "/") || !strings.HasSuffix(o.Key, ".parquet") {
					return nil // of no table: Hive reads a partition's folder, not those below it
				}
				if !filepath.IsLocal(filepath.FromSlash(o.Key)) {
					return fmt.Errorf("object %q of %s cannot be fetched, because its key is not a path", o.Key, f.stores[p.bucket])
				}
				info, err := os.Stat(f.path(p.bucket.Bucket(), o))
				p.objects = append(p.objects, o)
				p.cachedBefore = append(p.cachedBefore, err == nil && info.Size() == o.SizeBytes)
				return nil
			})
		})
	}
	return g.Wait()
}

// path keeps the partition's folders, which DuckDB reads the keys off.
func (f *fetch) path(bucket string, o objstore.Object) string {
	sum := sha256.Sum256([]byte(o.ETag))
	return filepath.Join(f.o.CacheDir, bucket, filepath.FromSlash(path.Dir(o.Key)), hex.EncodeToString(sum[:8])+"-"+path.Base(o.Key))
}

func (f *fetch) get(ctx context.Context, s objstore.Reader, o objstore.Object, to string) (err error) {
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return fmt.Errorf("cache: %w", err)
	}
	body, _, err := s.Get(ctx, o.Key, objstore.GetOptions{ETag: o.ETag})
	if err != nil {
		return err
	}
	defer body.Close()
	tmp, err := os.CreateTemp(filepath.Dir(to), ".fetch-*")
	if err != nil {
		return fmt.Errorf("cache: %w", err)
	}
	defer func() {
		tmp.Close()
		if err != nil {
			os.Remove(tmp.Name())
		}
	}()
	n, err := io.Copy(tmp, body)
	if err != nil {
		return fmt.Errorf("fetch %s/%s: %w", s, o.Key, err)
	}
	if n != o.SizeBytes {
		return fmt.Errorf("fetch %s/%s: got %d bytes instead of %d. Try: run the query again", s, o.Key, n, o.SizeBytes)
	}
	if err := tmp.Close(); err != nil {
		return fmt.Errorf("cache: %w", err)
	}
	if err := os.Rename(tmp.Name(), to); err != nil {
		return fmt.Errorf("cache: %w", err)
	}
	return nil
}

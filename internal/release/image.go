package release

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"os"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/static"
	layers "github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/epicfilemcnulty/hapgent/internal/release/build"
)

// containerUser is the user of the agent in a container, which has no other process.
const containerUser = 65534

// Image makes a container image of the agent for all architectures: an OCI image
// layout in the directory output, which is replaced. The bill of materials is in it,
// too, and refers to the image.
func Image(ctx context.Context, s build.Source, output string) error {
	w, err := workshop(ctx, s)
	if err != nil {
		return err
	}
	defer w.Close()
	record, err := w.Record(ctx)
	if err != nil {
		return err
	}
	images := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, a := range build.Architectures {
		image, err := imageOf(ctx, w, record, a)
		if err != nil {
			return err
		}
		images = mutate.AppendManifests(images, mutate.IndexAddendum{Add: image, Descriptor: v1.Descriptor{Platform: platform(a)}})
	}
	attached, err := attachedBill(ctx, w, images)
	if err != nil {
		return err
	}
	if err := os.RemoveAll(output); err != nil {
		return err
	}
	to, err := layout.Write(output, empty.Index)
	if err != nil {
		return err
	}
	return errors.Join(to.AppendIndex(images, layout.WithAnnotations(map[string]string{"org.opencontainers.image.ref.name": w.Version})), to.AppendImage(attached))
}

// platform is the name of an architecture for containers.
func platform(a build.Architecture) *v1.Platform {
	p := &v1.Platform{OS: "linux", Architecture: a.GOARCH}
	if a.GOARM != "" {
		p.Variant = "v" + a.GOARM
	}
	return p
}

// imageOf has the agent for an architecture.
func imageOf(ctx context.Context, w *build.Workshop, record build.Record, a build.Architecture) (v1.Image, error) {
	layer, err := agentLayer(ctx, w, a)
	if err != nil {
		return nil, err
	}
	image, err := mutate.AppendLayers(mutate.MediaType(empty.Image, types.OCIManifestSchema1), layer)
	if err != nil {
		return nil, err
	}
	config, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	config = config.DeepCopy()
	config.OS, config.Architecture, config.Variant, config.Created = "linux", a.GOARCH, platform(a).Variant, v1.Time{Time: w.Time}
	config.Config = v1.Config{
		Entrypoint: []string{"/hapgent"}, User: "65534:65534", ExposedPorts: map[string]struct{}{"9777/tcp": {}},
		Labels: map[string]string{
			"org.opencontainers.image.title": "hapgent", "org.opencontainers.image.version": w.Version, "org.opencontainers.image.licenses": ownLicence,
			"org.opencontainers.image.source": "https://" + ownModule, "org.opencontainers.image.revision": record.Commit,
		},
	}
	image, err = mutate.ConfigFile(image, config)
	return mutate.ConfigMediaType(image, types.OCIConfigJSON), err
}

// agentLayer has the program, and the folder of its state, whose owner a volume
// takes over.
func agentLayer(ctx context.Context, w *build.Workshop, a build.Architecture) (v1.Layer, error) {
	built, err := w.Program(ctx, build.Agent, a)
	if err != nil {
		return nil, err
	}
	agent, err := os.ReadFile(built)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	archive := tar.NewWriter(&b)
	program := &tar.Header{Name: "hapgent", Size: int64(len(agent)), Mode: 0o755, ModTime: w.Time, Format: tar.FormatUSTAR}
	folder := &tar.Header{Typeflag: tar.TypeDir, Name: "etc/hapgent/", Mode: 0o700, Uid: containerUser, Gid: containerUser, ModTime: w.Time, Format: tar.FormatUSTAR}
	err = archive.WriteHeader(program)
	if err == nil {
		_, err = archive.Write(agent)
	}
	if err := errors.Join(err, archive.WriteHeader(folder), archive.Close()); err != nil {
		return nil, err
	}
	opener := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b.Bytes())), nil }
	return layers.LayerFromOpener(opener, layers.WithMediaType(types.OCILayer))
}

// attachedBill is the bill of materials as an artifact that refers to the images.
func attachedBill(ctx context.Context, w *build.Workshop, images v1.ImageIndex) (v1.Image, error) {
	const form types.MediaType = "application/vnd.cyclonedx+json"
	directory, err := w.Temporary()
	if err != nil {
		return nil, err
	}
	if err := buildBill(ctx, w, directory); err != nil {
		return nil, err
	}
	text, err := os.ReadFile(billPath(directory, w.Source))
	if err != nil {
		return nil, err
	}
	artifact, err := mutate.AppendLayers(mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), form), static.NewLayer(text, form))
	if err != nil {
		return nil, err
	}
	subject, err := partial.Descriptor(images)
	if err != nil {
		return nil, err
	}
	return mutate.Subject(artifact, *subject).(v1.Image), nil
}
